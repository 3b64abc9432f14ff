package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"

	"lifecycle/functions/audit"
)

// page is an answer to POST /audit/verify.
type page struct {
	audit.Checked

	Next string `json:"next"`
}

// remote verifies page by page and adds them up.
func remote(ctx context.Context, out io.Writer, api, question string) error {
	asked := map[string]any{}
	if err := json.Unmarshal([]byte(question), &asked); err != nil {
		return fmt.Errorf("what to verify cannot be read: %w", err)
	}
	var records, streams, problems int
	for {
		text, _, err := post(ctx, strings.TrimSuffix(api, "/")+"/audit/verify", asked)
		if err != nil {
			return err
		}
		var p page
		if err := json.Unmarshal(text, &p); err != nil {
			return err
		}
		records, streams, problems = records+p.Records, streams+p.Streams, problems+len(p.Problems)+p.More
		for _, problem := range p.Problems {
			fmt.Fprintln(out, "-", problem)
		}
		fmt.Fprintf(out, "%d records in %d streams, %d problems\n", records, streams, problems)
		if p.Next == "" {
			break
		}
		asked["cursor"] = p.Next
	}
	if problems > 0 {
		return errors.New("the ledger is not intact")
	}
	return nil
}

// fetch writes all pages of an export to a file.
func fetch(ctx context.Context, api, question, name string) error {
	asked := map[string]any{}
	if err := json.Unmarshal([]byte(question), &asked); err != nil {
		return fmt.Errorf("what to export cannot be read: %w", err)
	}
	file, err := os.Create(name) //nolint:gosec // the caller's own file
	if err != nil {
		return err
	}
	for {
		text, next, err := post(ctx, strings.TrimSuffix(api, "/")+"/audit/export", asked)
		if err == nil {
			_, err = file.Write(text)
		}
		if err != nil {
			_ = file.Close() // it is not whole anyway
			return err
		}
		if next == "" {
			return file.Close()
		}
		asked["cursor"] = next
	}
}

// post signs and sends a question; next is the cursor of an export's next page.
func post(ctx context.Context, url string, question any) (text []byte, next string, err error) {
	body, err := json.Marshal(question)
	if err != nil {
		return nil, "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Content-Type", "application/json")
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, "", err
	}
	keys, err := settings.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, keys, r, hex.EncodeToString(sum[:]), "execute-api", settings.Region, time.Now()); err != nil {
		return nil, "", err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = response.Body.Close() }() // it was read to its end, or failed
	text, err = io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, text)
	}
	return text, response.Header.Get(audit.NextCursor), err
}
