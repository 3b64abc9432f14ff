// Package ratelimit hands out seats in Okta's rate limits, so that work waits
// for its turn where waiting costs nothing, in a state machine, and Okta never
// has to answer 429.
//
// All seats stand on one board: for every limit ("bucket") how many calls are
// booked for each second. Book finds the earliest second at which all the calls
// of a stretch of work have room at once, and writes them down. A call has room
// when no minute that contains it, wherever Okta's fixed windows may begin,
// holds more than the limit's share, and when the second before has not been
// filled in advance: calls come spread out, with no burst beyond a second's
// worth. Gaps that other work left are used, so what needs little does not
// queue behind what needs a scarce limit.
//
// Three classes of work have lanes of their own. Urgent work is placed as if
// there were no other and puts the normal and bulk lanes back by what it takes;
// normal work does the same to bulk; never the other way round. So a booking
// for later is a promise with a reservation: CheckIn, when its time has come,
// says whether urgent work has put it back meanwhile.
//
// What Okta says of itself is believed: its limits are learned from the headers
// of its answers, and after a 429, which other programs of the same org can
// cause, no seat of that bucket is given before its window ends. Work whose time
// falls into that pause comes first when it is over.
package ratelimit
