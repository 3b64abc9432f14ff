// Package accessreview compares what everybody really has with what was approved.
//
// A review reads all users, memberships and assignments of Okta by the cheapest
// calls, the limits side by side and each in slices that may be killed anywhere
// (snapshot); reads what was approved: the register of access, closed request
// items, the rules, and the people of ServiceNow (approved); compares them one
// part of the people at a time, so that memory does not grow with the org
// (compare, flag); and writes what it found, riskiest first, with the evidence,
// the origin and who is to decide. What follows, the questions to reviewers and
// their answers, is the campaign's (campaign).
//
// The steps stand here in the order of statemachines/access-review.asl.json.
package accessreview
