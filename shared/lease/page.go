package lease

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// Page is a page of the whole register.
type Page struct {
	// Holdings are those of people whose leases have all ended, too: that there
	// once was a reason is known.
	Holdings []Holding
	// Next is where the next page begins; empty after the last.
	Next string
}

// perPage is how many holdings are read at once.
const perPage = 1000

// Page reads one page of the register, each holding up to date, in no order.
// after is the Next of the page before, empty for the first.
func (r *Register) Page(ctx context.Context, after string) (Page, error) {
	in := &dynamodb.ScanInput{TableName: aws.String(r.table), ConsistentRead: aws.Bool(true), Limit: aws.Int32(perPage)}
	if after != "" {
		subject, entitlement, ok := strings.Cut(after, " ")
		if !ok {
			return Page{}, &fault.Invalid{Message: "the register of access has no page that begins there"}
		}
		in.ExclusiveStartKey = map[string]types.AttributeValue{"pk": text(subject), "sk": text(entitlement)}
	}
	out, err := r.client.Scan(ctx, in)
	if err != nil {
		return Page{}, platform.AWSError("the register of access could not be read", err)
	}
	var page Page
	for _, item := range out.Items {
		h, err := holdingOf(item)
		if err != nil {
			return Page{}, err
		}
		page.Holdings = append(page.Holdings, h)
	}
	if last := out.LastEvaluatedKey; len(last) > 0 {
		page.Next = textOf(last["pk"]) + " " + textOf(last["sk"])
	}
	return page, nil
}
