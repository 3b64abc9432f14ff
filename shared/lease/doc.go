// Package lease is the register of access: who holds which entitlement for
// which reasons, approved by whom, until when.
//
// Access is a lease per reason. A birthright rule, an approved request, an
// exception each give the same group on their own, and the membership goes when
// the last of them has ended, never before: the end of one reason takes nothing
// away that another still gives.
//
// All leases of one person on one entitlement are one item, changed by
// conditional writes in the same transaction as the record in the ledger, so
// that the register and the ledger cannot tell different stories. Settle makes
// Okta agree with the register, whoever else does the same at the same time.
package lease
