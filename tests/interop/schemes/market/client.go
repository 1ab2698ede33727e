// Signs for Tencent Cloud Market with Go's standard library, as the market's sample does, and checks
// the answers.
//
//	HMAC_KEY_ID=… HMAC_SECRET_KEY=… go run client.go http://127.0.0.1:8080
package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

var (
	baseURL   = os.Args[1]
	keyID     = os.Getenv("HMAC_KEY_ID")
	secretKey = os.Getenv("HMAC_SECRET_KEY")
	client    = http.Client{Timeout: 10 * time.Second}
)

type members struct {
	ID        string `json:"id"`
	XDate     string `json:"x-date"`
	Signature string `json:"signature"`
}

func signature(date, secret string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte("x-date: " + date))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func httpDate(age time.Duration) string {
	return time.Now().Add(-age).UTC().Format(http.TimeFormat)
}

// dateWithSlash returns a date, some seconds old, whose signature has a slash.
func dateWithSlash() string {
	for age := time.Duration(0); age < 10*time.Minute; age += time.Second {
		if date := httpDate(age); strings.Contains(signature(date, secretKey), "/") {
			return date
		}
	}
	panic("no signature has a slash")
}

func marshal(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func spelled(format string) func(members) string {
	return func(m members) string { return fmt.Sprintf(format, m.ID, m.XDate, m.Signature) }
}

// A request to send. Empty fields have defaults: encoding/json, the present time, the valid key
// pair, status 200.
type request struct {
	name             string
	spelling         func(members) string
	date, signedDate string
	keyID, secretKey string
	body             string
	further          bool
	unsigned         bool
	status           int
}

func or(value, usual string) string {
	if value == "" {
		return usual
	}
	return value
}

func fail(r request, problem ...any) {
	fmt.Fprintf(os.Stderr, "not ok go tencent-market %s: %s\n", r.name, fmt.Sprint(problem...))
	os.Exit(1)
}

func (r request) check() {
	date := or(r.date, httpDate(0))
	m := members{or(r.keyID, keyID), date, signature(or(r.signedDate, date), or(r.secretKey, secretKey))}
	method := "GET"
	if r.body != "" {
		method = "POST"
	}
	message, err := http.NewRequest(method, baseURL+"/service-1/a?x=1", strings.NewReader(r.body))
	if err != nil {
		fail(r, err)
	}
	if !r.unsigned {
		text := marshal(m)
		if r.spelling != nil {
			text = r.spelling(m)
		}
		message.Header.Set("Authorization", text)
	}
	if r.further {
		message.Header.Set("X-Date", date)
		message.Header.Set("request-id", "2f1c6a52-9f0e-4a53-9d2e-0f6f2b8c7d11")
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
	status := r.status
	if status == 0 {
		status = 200
	}
	wanted := fmt.Sprintf(`{"key_id":"%s","signed":["x-date"]}`, m.ID)
	if response.StatusCode != status || status == 200 && string(text) != wanted {
		fail(r, "wanted ", status, ", got ", response.StatusCode, " ", string(text))
	}
	fmt.Printf("ok go tencent-market %s\n", r.name)
}

func main() {
	slash := dateWithSlash()
	request{name: "the language's own JSON"}.check()
	request{name: "the sample's spelling", spelling: spelled(`{"id":"%s", "x-date":"%s", "signature":"%s"}`)}.check()
	request{name: "compact", spelling: spelled(`{"id":"%s","x-date":"%s","signature":"%s"}`)}.check()
	// encoding/json sorts the keys of a map.
	request{name: "members in another order", spelling: func(m members) string {
		return marshal(map[string]string{"id": m.ID, "x-date": m.XDate, "signature": m.Signature})
	}}.check()
	request{name: "a space before each comma", spelling: spelled(`{"id": "%s" , "x-date": "%s" , "signature": "%s"}`)}.check()
	request{name: "a slash in the signature", date: slash}.check()
	request{name: "a slash that is escaped", date: slash, spelling: func(m members) string {
		return strings.ReplaceAll(marshal(m), "/", `\/`)
	}}.check()
	request{name: "X-Date and request-id beside it", further: true}.check()
	request{name: "POST with a body", body: `{"hello":"world"}`}.check()
	request{name: "14 minutes old", date: httpDate(14 * time.Minute)}.check()
	request{name: "16 minutes old", date: httpDate(16 * time.Minute), status: 403}.check()
	request{name: "altered date", signedDate: httpDate(30 * time.Second), status: 401}.check()
	request{name: "wrong key", secretKey: secretKey + "x", status: 401}.check()
	request{name: "unknown key id", keyID: keyID + "x", status: 401}.check()
	request{name: "unsigned", unsigned: true, status: 401}.check()
	request{name: "a member that is no part of it", status: 401, spelling: func(m members) string {
		return strings.Replace(marshal(m), "}", `,"algorithm":"none"}`, 1)
	}}.check()
}
