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
		p, err := post(ctx, strings.TrimSuffix(api, "/")+"/audit/verify", asked)
		if err != nil {
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

// post signs and sends a question.
func post(ctx context.Context, url string, question any) (page, error) {
	body, err := json.Marshal(question)
	if err != nil {
		return page{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return page{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return page{}, err
	}
	keys, err := settings.Credentials.Retrieve(ctx)
	if err != nil {
		return page{}, err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, keys, r, hex.EncodeToString(sum[:]), "execute-api", settings.Region, time.Now()); err != nil {
		return page{}, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return page{}, err
	}
	defer func() { _ = response.Body.Close() }() // it was read to its end, or failed
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return page{}, err
	}
	if response.StatusCode != http.StatusOK {
		return page{}, fmt.Errorf("%s: %s", response.Status, text)
	}
	var p page
	return p, json.Unmarshal(text, &p)
}
