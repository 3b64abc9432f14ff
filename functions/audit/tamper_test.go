package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"pgregory.net/rapid"
)

// forged is a stream "s/1" of length records, all archived, and what has to be
// found once it was tampered with.
type forged struct {
	*evidence

	length int
}

// rewind takes the stream's records from seq on out of the table, and has the head
// say that the one before is the last: nothing in the table tells that there was
// more.
func (f forged) rewind(r *rapid.T, seq int) {
	for s := seq; s <= f.length; s++ {
		f.remove(r, "s/1", sortKey(s))
	}
	h := f.read(r, "head")
	before := f.read(r, sortKey(seq-1))
	at := before["at_seq"].(*types.AttributeValueMemberS).Value
	h["seq"], h["hash"] = &types.AttributeValueMemberN{Value: fmt.Sprint(seq - 1)}, before["hash"]
	h["at"], h["open"] = text(at[:strings.IndexByte(at, '#')]), &types.AttributeValueMemberM{Value: item{}}
	f.write(r, h)
}

// disguise makes what the table says of the records from seq on hold together
// again, as somebody could who may write everything in it.
func (f forged) rewrite(r *rapid.T, seq, n int) {
	f.rewind(r, seq)
	f.grants(r, "s/1", n)
}

// aboutContent is the forgery that a listing cannot show.
const aboutContent = "a copy is not what its name says"

// forgeries that the table alone does not show, or does not show for what they
// are; each returns the first record that has to be named, and where.
var forgeries = map[string]func(*rapid.T, forged) (seq int, where string){
	"a byte of a record is altered": func(r *rapid.T, f forged) (int, string) {
		seq := rapid.IntRange(1, f.length).Draw(r, "record")
		i := f.read(r, sortKey(seq))
		body := []byte(i["body"].(*types.AttributeValueMemberS).Value)
		at := rapid.IntRange(0, len(body)-1).Draw(r, "byte")
		body[at] = '0' + (body[at]+1)%75 // another one, and printable
		i["body"] = text(string(body))
		f.write(r, i)
		return seq, InTable
	},
	"the stream is written anew from a record on": func(r *rapid.T, f forged) (int, string) {
		seq := rapid.IntRange(2, f.length).Draw(r, "record")
		f.rewrite(r, seq, f.length-seq+1)
		return seq, Between
	},
	"the last records are cut off, and the head says so": func(r *rapid.T, f forged) (int, string) {
		seq := rapid.IntRange(2, f.length).Draw(r, "record")
		f.rewind(r, seq)
		return seq, Between
	},
	"a whole stream is deleted": func(r *rapid.T, f forged) (int, string) {
		for s := 1; s <= f.length; s++ {
			f.remove(r, "s/1", sortKey(s))
		}
		f.remove(r, "s/1", "head")
		return 1, Between
	},
	"a record is deleted": func(r *rapid.T, f forged) (int, string) {
		seq := rapid.IntRange(1, f.length).Draw(r, "record")
		f.remove(r, "s/1", sortKey(seq))
		return seq, InTable
	},
	"a record is added that holds together": func(r *rapid.T, f forged) (int, string) {
		f.grants(r, "s/1", 1)
		return f.length + 1, InArchive
	},
	"two records change places": func(r *rapid.T, f forged) (int, string) {
		first := rapid.IntRange(1, f.length-1).Draw(r, "first")
		second := rapid.IntRange(first+1, f.length).Draw(r, "second")
		a, b := f.read(r, sortKey(first)), f.read(r, sortKey(second))
		a["sk"], b["sk"] = b["sk"], a["sk"]
		f.write(r, a)
		f.write(r, b)
		return first, InTable
	},
	"a copy is hidden": func(r *rapid.T, f forged) (int, string) {
		seq := rapid.IntRange(1, f.length).Draw(r, "record")
		if _, err := f.vault.client.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: aws.String(archiveName), Key: aws.String(f.key(r, seq))}); err != nil {
			r.Fatal(err)
		}
		return seq, InArchive
	},
	"a copy is written over": func(r *rapid.T, f forged) (int, string) {
		seq := rapid.IntRange(1, f.length).Draw(r, "record")
		f.store.Put(archiveName, f.key(r, seq), []byte("{}"))
		return seq, InArchive
	},
	"a copy is removed": func(r *rapid.T, f forged) (int, string) {
		seq := rapid.IntRange(1, f.length).Draw(r, "record")
		f.store.Tamper(archiveName, f.key(r, seq), nil)
		return seq, InArchive
	},
	aboutContent: func(r *rapid.T, f forged) (int, string) {
		seq := rapid.IntRange(1, f.length).Draw(r, "record")
		f.store.Tamper(archiveName, f.key(r, seq), []byte("{}"))
		return seq, InArchive
	},
}

// key is where the archive keeps a record.
func (f forged) key(r *rapid.T, seq int) string {
	i := slices.IndexFunc(f.store.Keys(archiveName), func(key string) bool { return strings.HasPrefix(key, streamPrefix("s/1")+sortKey(seq)) })
	if i < 0 {
		r.Fatalf("record %d is not archived", seq)
	}
	return f.store.Keys(archiveName)[i]
}

func TestWhatTheTableHidesTheArchiveShows(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(forgeries)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(r *rapid.T) {
				e := newEvidence(r)
				f := forged{e, rapid.IntRange(3, 6).Draw(r, "length")}
				e.grants(r, "s/1", f.length)
				e.grants(r, "t/1", 2)
				e.archive(r)
				seq, where := forgeries[name](r, f)
				c := e.check(r, name == aboutContent)
				if c.OK() {
					r.Fatalf("nothing was found: %s", c)
				}
				if first := c.Problems[0]; first.Stream != "s/1" || first.Seq != int64(seq) || first.Where != where && !alsoAt(c, seq, where) {
					r.Fatalf("got %v, want record %d named, in the %s", c.Problems, seq, where)
				}
			})
		})
	}
}

func alsoAt(c *Checked, seq int, where string) bool {
	return slices.ContainsFunc(c.Problems, func(p Problem) bool { return p.Seq == int64(seq) && p.Where == where })
}

// A fork that was archived, too, shows as two records with one number.
func TestNothingIsFoundWhereNothingIsWrong(t *testing.T) {
	t.Parallel()
	e := newEvidence(t)
	e.grants(t, "s/1", 5)
	e.grants(t, "t/1", 2)
	e.archive(t)
	if c := e.check(t, true); !c.OK() || c.Archived != 7 || c.Records != 7 || c.Streams != 2 || c.Pending != 0 {
		t.Fatal(c)
	}
	e.verifier.grace = grace
	e.grants(t, "t/1", 1)
	if c := e.check(t, true); !c.OK() || c.Pending != 1 {
		t.Fatalf("a record on its way: %s", c)
	}
}

func TestAForkShowsInTheArchive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		e := newEvidence(r)
		f := forged{e, rapid.IntRange(3, 6).Draw(r, "length")}
		e.grants(r, "s/1", f.length)
		e.archive(r)
		seq := rapid.IntRange(2, f.length).Draw(r, "fork at")
		f.rewrite(r, seq, 1)
		e.archive(r) // what is written is archived, and what was deleted is told
		c := e.check(r, false)
		if c.OK() || c.Problems[0].Seq != int64(seq) || !strings.Contains(c.Problems[0].Text, "forked") {
			r.Fatalf("got %v, want a fork at %d", c.Problems, seq)
		}
		told := 0
		for _, key := range e.store.Keys(archiveName) {
			if strings.HasPrefix(key, findingsPrefix) {
				told++
			}
		}
		if want := f.length - seq + 1; told != want {
			r.Fatalf("%d deletions were told, want %d", told, want)
		}
	})
}

func TestEveryByteOfARecordCounts(t *testing.T) {
	t.Parallel()
	e := newEvidence(t)
	e.grants(t, "s/1", 2)
	good := e.read(t, sortKey(1))
	n := 0
	for _, name := range slices.Sorted(maps.Keys(good)) {
		value := good[name].(*types.AttributeValueMemberS).Value
		for i := range value {
			bad := maps.Clone(good)
			bad[name] = text(value[:i] + string('0'+(value[i]+1)%75) + value[i+1:])
			e.remove(t, "s/1", sortKey(1))
			e.write(t, bad)
			stream, key := bad["pk"].(*types.AttributeValueMemberS).Value, bad["sk"].(*types.AttributeValueMemberS).Value
			v, err := e.ledger.Verify(t.Context(), "s/1")
			if err != nil || v.OK() || v.Bad != 1 {
				t.Fatalf("byte %d of %s: %s, %v", i, name, v, err)
			}
			e.remove(t, stream, key)
			n++
		}
	}
	e.write(t, good)
	if v, err := e.ledger.Verify(t.Context(), "s/1"); err != nil || !v.OK() {
		t.Fatalf("put back as it was: %s, %v", v, err)
	}
	t.Logf("%d bytes altered, one after the other", n)
}
