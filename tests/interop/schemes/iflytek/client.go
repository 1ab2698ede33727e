// Signs for iFlytek with Go's standard library, as clients in Go do, and checks the answers. Go has
// no WebSockets, so a handshake is a request whose answer is 101, and no message follows.
//
//	HMAC_KEY_ID=… HMAC_SECRET_KEY=… go run client.go GATEWAY WEBSOCKET
//
// GATEWAY and WEBSOCKET are host:port of the examples gateway and websocket.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	body     = `{"common":{"app_id":"00000000"}}`
	unknown  = "HMAC signature cannot be verified"
	mismatch = "HMAC signature does not match"
	late     = "HMAC signature cannot be verified, a valid date or x-date header is required for HMAC Authentication"
	// Clients in Go send Kong's words.
	likeKong   = "hmac username"
	documented = "api_key"
)

var (
	gateway, sockets = os.Args[1], os.Args[2]
	keyID            = os.Getenv("HMAC_KEY_ID")
	secretKey        = os.Getenv("HMAC_SECRET_KEY")
	client           = http.Client{Timeout: 10 * time.Second}
	described        = fmt.Sprintf(`200 {"key_id":"%s","signed":["host","date","request-line"]}`, keyID)
)

// A request to send. Empty fields have defaults: the present time, the valid key pair, Kong's words,
// a comma and a space between two parameters, url.Values, which writes a plus sign for a space.
type request struct {
	name             string
	date, sentDate   string
	label, separator string
	keyID, secretKey string
	signedPath       string
	encode           func(authorization, date, host string) string
	further          string
	digest           string
	sentDigest       string
	body             string
}

func or(value, usual string) string {
	if value == "" {
		return usual
	}
	return value
}

// httpDate returns a date that ends in GMT.
func httpDate(age time.Duration) string {
	return time.Now().Add(-age).UTC().Format(http.TimeFormat)
}

// utcDate returns a date that ends in UTC.
func utcDate() string {
	return time.Now().UTC().Format(time.RFC1123)
}

func digestOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])
}

// inner returns the text that is the value of Authorization, or whose base64 is in the query.
func (r request) inner(method, host, path, date string) string {
	names := "host date request-line"
	lines := []string{"host: " + host, "date: " + date, method + " " + path + " HTTP/1.1"}
	if r.digest != "" {
		names += " digest"
		lines = append(lines, "digest: "+r.digest)
	}
	mac := hmac.New(sha256.New, []byte(or(r.secretKey, secretKey)))
	mac.Write([]byte(strings.Join(lines, "\n")))
	return strings.Join([]string{
		fmt.Sprintf(`%s="%s"`, or(r.label, likeKong), or(r.keyID, keyID)),
		`algorithm="hmac-sha256"`,
		fmt.Sprintf(`headers="%s"`, names),
		fmt.Sprintf(`signature="%s"`, base64.StdEncoding.EncodeToString(mac.Sum(nil))),
	}, or(r.separator, ", "))
}

func values(authorization, date, host string) string {
	return url.Values{"authorization": {authorization}, "date": {date}, "host": {host}}.Encode()
}

func percent(authorization, date, host string) string {
	return strings.ReplaceAll(values(authorization, date, host), "+", "%20")
}

func dateFirst(authorization, date, host string) string {
	return url.Values{"date": {date}, "host": {host}}.Encode() + "&" + url.Values{"authorization": {authorization}}.Encode()
}

func spacesAlone(authorization, date, host string) string {
	return strings.ReplaceAll("authorization="+authorization+"&date="+date+"&host="+host, " ", "%20")
}

func (r request) query(host, path string) string {
	date := or(r.date, httpDate(0))
	authorization := base64.StdEncoding.EncodeToString([]byte(r.inner("GET", host, path, date)))
	encode := r.encode
	if encode == nil {
		encode = values
	}
	return encode(authorization, or(r.sentDate, date), host) + r.further
}

func (r request) fail(problem ...any) {
	fmt.Fprintf(os.Stderr, "not ok go iflytek %s: %s\n", r.name, fmt.Sprint(problem...))
	os.Exit(1)
}

// expect sends the request. The answer is the status, and the text or the refusal's message.
func (r request) expect(method, target string, header http.Header, wanted string) {
	message, err := http.NewRequest(method, target, strings.NewReader(r.body))
	if err != nil {
		r.fail(err)
	}
	message.Header = header
	response, err := client.Do(message)
	if err != nil {
		r.fail(err)
	}
	defer response.Body.Close()
	got := fmt.Sprint(response.StatusCode)
	// The body of a 101 is the open connection.
	if response.StatusCode != http.StatusSwitchingProtocols {
		text, err := io.ReadAll(response.Body)
		if err != nil {
			r.fail(err)
		}
		var refusal struct{ Message string }
		if response.StatusCode != http.StatusOK && json.Unmarshal(text, &refusal) == nil {
			text = []byte(refusal.Message)
		}
		got += " " + string(text)
	}
	if got != wanted {
		r.fail("wanted ", wanted, ", got ", got)
	}
	fmt.Printf("ok go iflytek %s\n", r.name)
}

func (r request) handshake(wanted string) {
	r.name = "query: " + r.name
	header := http.Header{
		"Connection":            {"Upgrade"},
		"Upgrade":               {"websocket"},
		"Sec-Websocket-Key":     {"dGhlIHNhbXBsZSBub25jZQ=="},
		"Sec-Websocket-Version": {"13"},
	}
	r.expect("GET", "http://"+sockets+"/v2/iat?"+r.query(sockets, or(r.signedPath, "/v2/iat")), header, wanted)
}

func (r request) send(method, host, path, wanted string) {
	r.name = "header: " + r.name
	date := or(r.date, httpDate(0))
	header := http.Header{"Date": {date}, "Authorization": {r.inner(method, host, path, date)}}
	if r.digest != "" {
		header.Set("Digest", or(r.sentDigest, r.digest))
	}
	r.expect(method, "http://"+host+path+"?x=1", header, wanted)
}

func main() {
	request{name: "percent-encoded", encode: percent}.handshake("101")
	request{name: "plus signs for spaces", encode: values}.handshake("101")
	request{name: "date, host, authorization", encode: dateFirst}.handshake("101")
	request{name: "only spaces escaped", encode: spacesAlone}.handshake("101")
	request{name: "commas without spaces", label: documented, separator: ","}.handshake("101")
	request{name: "parameters of the application", further: "&appid=1&lang=%E4%B8%AD"}.handshake("101")
	request{name: "hmac username, date in UTC", date: utcDate()}.handshake("101")
	request{name: "4 minutes old", date: httpDate(4 * time.Minute)}.handshake("101")
	request{name: "6 minutes old", date: httpDate(6 * time.Minute)}.handshake("403 " + late)
	request{name: "altered date", sentDate: httpDate(-10 * time.Second)}.handshake("401 " + mismatch)
	request{name: "another path", signedPath: "/v2/tts"}.handshake("401 " + mismatch)
	request{name: "wrong key", secretKey: secretKey + "x"}.handshake("401 " + mismatch)
	request{name: "unknown key id", keyID: keyID + "x"}.handshake("401 " + unknown)
	r := request{name: "query: GET"}
	r.expect("GET", "http://"+gateway+"/v1/a?"+r.query(gateway, "/v1/a"), http.Header{}, described)

	request{name: "GET", label: documented}.send("GET", gateway, "/v1/a", described)
	request{name: "hmac username, date in UTC", date: utcDate()}.send("GET", gateway, "/v1/a", described)
	digest := digestOf(body)
	request{name: "POST with a digest", body: body, digest: digest}.send("POST", sockets, "/v2/itr", fmt.Sprintf("200 %d bytes", len(body)))
	request{name: "POST with an altered digest", body: body, digest: digest, sentDigest: digestOf("")}.send("POST", sockets, "/v2/itr", "401 "+mismatch)
	request{name: "POST without a digest", body: body}.send("POST", sockets, "/v2/itr", "401 "+unknown)
}
