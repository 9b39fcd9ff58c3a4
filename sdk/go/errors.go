package ibkrorders

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// GatewayUnavailable is the reason where nobody answered, or a proxy or library answered in a gateway's place. No gateway gives it.
const GatewayUnavailable = "GATEWAY_UNAVAILABLE"

// Violation is one thing that is wrong with an order, or one rule that it breaks.
type Violation struct {
	Field       string
	Description string
}

// OrderError says that the gateway refused a call, or that nobody answered it. Reason is a stable word that the schema documents for each
// call (ORDER_INVALID, TWS_UNAVAILABLE, ORDER_STATE …), or GatewayUnavailable.
type OrderError struct {
	Reason     string
	Message    string
	Violations []Violation
	// RetryAfter is when a retry makes sense; 0 where the gateway did not say.
	RetryAfter time.Duration
	// TWSCode and TWSText are TWS's own words; 0 and empty where it did not speak.
	TWSCode  int
	TWSText  string
	Code     codes.Code
	Metadata map[string]string
}

func (e *OrderError) Error() string {
	var details strings.Builder
	for _, violation := range e.Violations {
		fmt.Fprintf(&details, "; %s: %s", violation.Field, violation.Description)
	}
	return e.Reason + ": " + e.Message + details.String()
}

// FromGateway says whether a gateway said so.
func (e *OrderError) FromGateway() bool { return e.Reason != GatewayUnavailable }

// OutcomeIsKnown says whether it is certain that the call changed nothing.
func (e *OrderError) OutcomeIsKnown() bool { return e.FromGateway() && e.Reason != "INTERNAL" }

// OutcomeUnknown says that bytes may have left and that no answer came in time. Place the same order again under RequestID (it never makes a
// second one), or look with Get and PlacedAs.
type OutcomeUnknown struct {
	RequestID string
	// Last is what the last attempt said.
	Last error
}

func (e *OutcomeUnknown) Error() string {
	return fmt.Sprintf("the outcome of request %s is not known: place the same order again under this request id, or get it by the request id it was "+
		"placed as; the last attempt said: %v", e.RequestID, e.Last)
}

func (e *OutcomeUnknown) Unwrap() error { return e.Last }

// orderError is what a failed call says.
func orderError(err error) *OrderError {
	said := status.Convert(err)
	if errors.Is(err, context.DeadlineExceeded) {
		said = status.New(codes.DeadlineExceeded, err.Error())
	} else if errors.Is(err, context.Canceled) {
		said = status.New(codes.Canceled, err.Error())
	}
	found := &OrderError{Message: said.Message(), Code: said.Code()}
	for _, detail := range said.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			// A status without one of a gateway was made by a proxy or a library, and promises nothing.
			if detail.Domain == "ibkr.orders.v1" {
				found.Reason, found.Metadata = detail.Reason, detail.Metadata
				found.TWSText = detail.Metadata["twsText"]
				found.TWSCode, _ = strconv.Atoi(detail.Metadata["twsCode"])
			}
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				found.Violations = append(found.Violations, Violation{violation.Field, violation.Description})
			}
		case *errdetails.PreconditionFailure:
			for _, violation := range detail.Violations {
				found.Violations = append(found.Violations, Violation{strings.TrimSpace(violation.Type + " " + violation.Subject), violation.Description})
			}
		case *errdetails.RetryInfo:
			found.RetryAfter = detail.RetryDelay.AsDuration()
		}
	}
	if found.Reason != "" {
		return found
	}
	switch said.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Internal, codes.Unknown, codes.Canceled, codes.Aborted, codes.ResourceExhausted:
		found.Reason = GatewayUnavailable
		found.Message = fmt.Sprintf("no gateway answered (%v: %s)", said.Code(), said.Message())
	default:
		found.Reason = strings.ToUpper(said.Code().String())
	}
	return found
}
