// Signs requests with Go's standard library, as the gateway's documentation says, and checks the
// answers.
//
//	HMAC_KEY_ID=… HMAC_SECRET_KEY=… go run client.go http://127.0.0.1:8080
package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"time"
)

const (
	unsigned    = "HMAC signature cannot be verified, a validate authorization header is required"
	late        = "HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication."
	unknown     = "HMAC signature cannot be verified."
	mismatch    = "HMAC signature does not match."
	signs       = `a b, "c"; d=e/f%20+&<>'\`
	beyondASCII = "café ✓ 你"
)

var (
	baseURL   = os.Args[1]
	keyID     = os.Getenv("HMAC_KEY_ID")
	secretKey = os.Getenv("HMAC_SECRET_KEY")
	hashes    = map[string]func() hash.Hash{"hmac-sha1": sha1.New, "hmac-sha256": sha256.New}
	client    = http.Client{Timeout: 10 * time.Second}
	passed    = 0
)

type header struct{ name, value string }

// A request to send. Empty fields have defaults: a plain source, the present time, hmac-sha1, the
// valid key pair, an IMF-fixdate, a comma and a space between two parameters.
type request struct {
	name, dateHeader string
	source           string
	age              time.Duration
	further          []header
	algorithm        string
	body             string
	keyID, secretKey string
	dateFormat       string
	separator        string
	unsigned         bool
	sentSource       string
	refused          string // The text of the refusal; empty if it must be accepted.
}

func or(value, usual string) string {
	if value == "" {
		return usual
	}
	return value
}

// authorization signs the headers in their order.
func authorization(headers []header, keyID, secretKey, algorithm, separator string) string {
	var names, lines []string
	for _, h := range headers {
		names = append(names, h.name)
		lines = append(lines, h.name+": "+h.value)
	}
	mac := hmac.New(hashes[algorithm], []byte(secretKey))
	mac.Write([]byte(strings.Join(lines, "\n")))
	return "hmac " + strings.Join([]string{
		fmt.Sprintf(`id="%s"`, keyID),
		fmt.Sprintf(`algorithm="%s"`, algorithm),
		fmt.Sprintf(`headers="%s"`, strings.Join(names, " ")),
		fmt.Sprintf(`signature="%s"`, base64.StdEncoding.EncodeToString(mac.Sum(nil))),
	}, separator)
}

func fail(r request, problem ...any) {
	fmt.Fprintf(os.Stderr, "not ok go %s %s: %s\n", r.dateHeader, r.name, fmt.Sprint(problem...))
	os.Exit(1)
}

func (r request) check() {
	id, algorithm := or(r.keyID, keyID), or(r.algorithm, "hmac-sha1")
	date := time.Now().Add(-r.age).UTC().Format(or(r.dateFormat, http.TimeFormat))
	headers := append([]header{{r.dateHeader, date}, {"source", r.source}}, r.further...)

	method := "GET"
	if r.body != "" {
		method = "POST"
	}
	message, err := http.NewRequest(method, baseURL+"/v1/orders?x=1", strings.NewReader(r.body))
	if err != nil {
		fail(r, err)
	}
	var names []any
	for _, h := range headers {
		// Go sends Host from the URL, not from this map.
		message.Header.Set(h.name, h.value)
		names = append(names, h.name)
	}
	if r.sentSource != "" {
		message.Header.Set("source", r.sentSource)
	}
	if !r.unsigned {
		message.Header.Set("authorization", authorization(headers, id, or(r.secretKey, secretKey), algorithm, or(r.separator, ", ")))
	}

	response, err := client.Do(message)
	if err != nil {
		fail(r, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		fail(r, err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		fail(r, response.Status, " is not JSON: ", string(text))
	}
	status, wanted := 200, map[string]any{"key_id": id, "signed": names}
	if r.refused != "" {
		status, wanted = 401, map[string]any{"message": r.refused}
	}
	if response.StatusCode != status || !reflect.DeepEqual(got, wanted) {
		fail(r, "wanted ", status, " ", wanted, ", got ", response.StatusCode, " ", string(text))
	}
	fmt.Printf("ok go %s %s\n", r.dateHeader, r.name)
	passed++
}

func main() {
	for _, date := range []string{"date", "x-date"} {
		request{name: "plain source", dateHeader: date, source: "interop"}.check()
		request{name: "empty source", dateHeader: date}.check()
		request{name: "source with signs", dateHeader: date, source: signs}.check()
		request{name: "source beyond ASCII", dateHeader: date, source: beyondASCII}.check()
		request{name: "hmac-sha256", dateHeader: date, algorithm: "hmac-sha256"}.check()
		request{name: "POST with a body", dateHeader: date, body: `{"hello":"world"}`}.check()
		// This format ends in UTC.
		request{name: "zone that is not spelled GMT", dateHeader: date, dateFormat: time.RFC1123}.check()
		request{name: "two spaces after each comma", dateHeader: date, separator: ",  "}.check()
		request{name: "wrong key", dateHeader: date, secretKey: secretKey + "x", refused: mismatch}.check()
		request{name: "altered source", dateHeader: date, sentSource: "altered", refused: mismatch}.check()
		request{name: "unknown key id", dateHeader: date, keyID: keyID + "x", refused: unknown}.check()
		request{name: "unsigned", dateHeader: date, unsigned: true, refused: unsigned}.check()
	}
	// The gateway checks the age of X-Date, but not that of Date.
	request{name: "two days old", dateHeader: "date", age: 48 * time.Hour}.check()
	request{name: "14 minutes old", dateHeader: "x-date", age: 14 * time.Minute}.check()
	request{name: "16 minutes old", dateHeader: "x-date", age: 16 * time.Minute, refused: late}.check()
	// A proxy may change or drop these.
	host := []header{{"host", strings.TrimPrefix(baseURL, "http://")}}
	request{name: "with a signed host", dateHeader: "x-date", further: host}.check()
	underscore := []header{{"x_tenant", "blue"}}
	request{name: "with a signed header that has an underscore", dateHeader: "x-date", further: underscore}.check()
	fmt.Printf("go: %d cases\n", passed)
}
