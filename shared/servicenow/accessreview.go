package servicenow

// AccessReviewKind is how reviewers are asked which of the access that a review
// found is kept, unless configuration says otherwise: catalog tasks made by this
// integration, known by their correlation_display, which a reviewer answers in
// the closing notes and closes. One of them is the security team's, which signs
// the review off by closing it.
func AccessReviewKind() Kind {
	k := RecertificationKind()
	k.Name, k.Query = "access-review-task", "correlation_display="+AccessReviewMark
	k.ReturnGroup, k.EscalationGroup = "Identity Operations", "Security Operations"
	return k
}

// AccessReviewMark is the correlation_display of the tasks of an access review.
const AccessReviewMark = "Access review"
