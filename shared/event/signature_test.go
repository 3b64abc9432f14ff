package event

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func TestKeysThatAreNoKeys(t *testing.T) {
	t.Parallel()
	encode := func(n int) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, n)) }
	cases := []struct {
		name, secret string
		usable       bool
	}{
		{"empty", "", false},
		{"nothing but the prefix", "whsec_", false},
		{"white space", " \n", false},
		{"one byte", encode(1), false},
		{"23 bytes", encode(23), false},
		{"23 bytes behind the prefix", "whsec_" + encode(23), false},
		{"no base64", "correct horse battery staple, twice", false},
		{"24 bytes", encode(24), true},
		{"64 bytes with the prefix and a line's end", "whsec_" + encode(64) + "\n", true},
		{"44 letters and digits, as Secrets Manager generates them", strings.Repeat("Ab3d", 11), true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := newWebhook(c.secret)
			if (err == nil) != c.usable {
				t.Errorf("newWebhook: %v", err)
			}
			if c.secret != "" && err != nil && strings.Contains(err.Error(), strings.TrimSpace(c.secret)) && len(c.secret) > 3 {
				t.Errorf("the error repeats the key: %v", err)
			}
		})
	}
}

// The library signs and verifies with an empty key, so everybody can.
func TestAForgeryWithAnEmptyKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "whsec_", "whsec_AAAA"} {
		b := setup(t)
		b.cloud.rotate(secret, "")
		forged := sent{id: "msg_1", body: notice, keys: []string{keyOne}, change: func(r *events.APIGatewayV2HTTPRequest) {
			key, err := standardwebhooks.NewWebhook(secret)
			if err != nil {
				t.Fatal(err)
			}
			r.Headers["webhook-signature"], err = key.Sign("msg_1", time.Now(), []byte(notice))
			if err != nil {
				t.Fatal(err)
			}
			r.Headers["webhook-timestamp"] = strconv.FormatInt(time.Now().Unix(), 10)
		}}
		response := b.send(t, forged)
		if response.StatusCode != http.StatusServiceUnavailable || len(b.cloud.started()) != 0 {
			t.Errorf("key %q: answer %d %s", secret, response.StatusCode, response.Body)
		}
		if !strings.Contains(b.log.String(), "not usable") {
			t.Errorf("the log does not say that the key is not usable: %s", b.log)
		}
	}
	t.Run("an unusable version beside a usable one is passed over", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.cloud.rotate("", keyOne)
		execution(t, b.send(t, sent{id: "msg_1", body: notice}))
		forged := b.send(t, sent{id: "msg_2", body: notice, keys: []string{"whsec_"}})
		if forged.StatusCode != http.StatusUnauthorized {
			t.Errorf("forgery: answer %d", forged.StatusCode)
		}
	})
}

func TestRotationOfTheKey(t *testing.T) {
	t.Parallel()
	t.Run("current and previous key are valid side by side", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.cloud.rotate(keyTwo, keyOne)
		execution(t, b.send(t, sent{id: "msg_1", body: notice, keys: []string{keyTwo}}))
		execution(t, b.send(t, sent{id: "msg_2", body: notice, keys: []string{keyOne}}))
		if third := b.send(t, sent{id: "msg_3", body: notice, keys: []string{keyThree}}); third.StatusCode != http.StatusUnauthorized {
			t.Errorf("a third key: answer %d", third.StatusCode)
		}
	})
	t.Run("a sender may sign with several keys at once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		execution(t, b.send(t, sent{id: "msg_1", body: notice, keys: []string{keyThree, keyTwo, keyOne}}))
	})
	t.Run("a sender that uses the new key at once is believed within half a minute", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			execution(t, b.send(t, sent{id: "msg_1", body: notice}))
			time.Sleep(rotationGap + time.Second)
			b.cloud.rotate(keyTwo, keyOne)
			execution(t, b.send(t, sent{id: "msg_2", body: notice, keys: []string{keyTwo}}))
			execution(t, b.send(t, sent{id: "msg_3", body: notice, keys: []string{keyOne}}))
		})
	})
	t.Run("a key that was rotated twice is refused five minutes later", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			execution(t, b.send(t, sent{id: "msg_1", body: notice}))
			b.cloud.rotate(keyThree, keyTwo)
			time.Sleep(5 * time.Minute)
			if late := b.send(t, sent{id: "msg_2", body: notice}); late.StatusCode != http.StatusUnauthorized {
				t.Errorf("answer %d", late.StatusCode)
			}
		})
	})
	t.Run("rubbish does not make us ask for the key each time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			for range 100 {
				b.send(t, sent{id: "msg_1", body: notice, keys: []string{keyTwo}})
				time.Sleep(600 * time.Millisecond)
			}
			// A minute: the first read, and one every 30 seconds, of two versions.
			if n := b.cloud.count("GetSecretValue"); n > 6 {
				t.Errorf("%d reads", n)
			}
		})
	})
}

func TestClocksThatDiffer(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		off    time.Duration
		status int
	}{
		{"in step", 0, 202},
		{"five minutes behind", -5 * time.Minute, 202},
		{"five minutes ahead", 5 * time.Minute, 202},
		{"a second more than five minutes behind", -5*time.Minute - time.Second, 401},
		{"a second more than five minutes ahead", 5*time.Minute + time.Second, 401},
		{"a day behind", -24 * time.Hour, 401},
		{"before 1970", -80 * 365 * 24 * time.Hour, 401},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t)
				response := b.send(t, sent{id: "msg_1", body: notice, at: time.Now().Add(c.off)})
				if response.StatusCode != c.status {
					t.Errorf("answer %d %s, want %d", response.StatusCode, response.Body, c.status)
				}
			})
		})
	}
	t.Run("a delivery that is recorded and sent again later is refused", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			request := sent{id: "msg_1", body: notice}.request(t)
			execution(t, b.deliver(t.Context(), t, request))
			time.Sleep(5*time.Minute + time.Second)
			if replay := b.deliver(t.Context(), t, request); replay.StatusCode != http.StatusUnauthorized {
				t.Errorf("answer %d", replay.StatusCode)
			}
		})
	})
}
