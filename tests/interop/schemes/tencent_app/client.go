// Signs for Tencent's application authentication with Go's standard library, as its documentation
// says, and checks the answers. Then computes what the example sign signs.
//
//	HMAC_KEY_ID=… HMAC_SECRET_KEY=… go run client.go GATEWAY STAGE SIGN BODY
//
// GATEWAY is the URL of the example gateway, STAGE that of one whose paths begin with /release. BODY
// is a file to write.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"sort"
	"strings"
	"time"
)

const (
	body      = `{"sn":"SN001"}`
	mismatch  = "401 HMAC signature does not match."
	unknown   = "401 HMAC signature cannot be verified."
	late      = "401 HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication."
	malformed = "401 HMAC authorization format error."
	unsigned  = "401 HMAC signature cannot be verified, a validate authorization header is required"
)

var (
	gateway, stage = os.Args[1], os.Args[2]
	tool, bodyFile = os.Args[3], os.Args[4]
	keyID          = os.Getenv("HMAC_KEY_ID")
	secretKey      = os.Getenv("HMAC_SECRET_KEY")
	hashes         = map[string]func() hash.Hash{"hmac-sha1": sha1.New, "hmac-sha256": sha256.New}
	client         = http.Client{Timeout: 10 * time.Second}
)

type headers map[string]string

// with returns the headers with others in addition or instead. An empty value removes a header.
func (h headers) with(others headers) headers {
	all := headers{}
	for _, some := range []headers{h, others} {
		for name, value := range some {
			all[name] = value
			if value == "" {
				delete(all, name)
			}
		}
	}
	return all
}

// A request to send. Empty fields have defaults: GET, two parameters, hmac-sha1, the valid key pair,
// and for what is sent, what is signed.
type request struct {
	name                     string
	method, sentMethod       string
	base, target, sentTarget string
	headers, sentHeaders     headers
	body, form               string
	algorithm                string
	keyID, secretKey         string
	change                   func(authorization string) string
}

func or(value, usual string) string {
	if value == "" {
		return usual
	}
	return value
}

func httpDate(age time.Duration) string {
	return time.Now().Add(-age).UTC().Format(http.TimeFormat)
}

func contentMD5(body string) string {
	sum := md5.Sum([]byte(body))
	return base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:])))
}

func (r request) fail(problem ...any) {
	fmt.Fprintf(os.Stderr, "not ok go tencent-app %s: %s\n", r.name, fmt.Sprint(problem...))
	os.Exit(1)
}

func (r request) expect(got, wanted string) {
	if got != wanted {
		r.fail("wanted ", wanted, ", got ", got)
	}
	fmt.Printf("ok go tencent-app %s\n", r.name)
}

// pathAndParameters returns the last line: the path, and the decoded parameters of the query and the
// form.
func (r request) pathAndParameters() string {
	path, query, _ := strings.Cut(r.target, "?")
	values, err := url.ParseQuery(query + "&" + r.form)
	if err != nil {
		r.fail(err)
	}
	var names, texts []string
	for name := range values {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		text := name
		if value := values.Get(name); value != "" {
			text += "=" + value
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return path
	}
	return path + "?" + strings.Join(texts, "&")
}

func (r request) authorization() string {
	var names, lines []string
	for _, name := range []string{"source", "x-date"} {
		if value, ok := r.headers[name]; ok {
			names = append(names, name)
			lines = append(lines, name+": "+value)
		}
	}
	h := r.headers
	lines = append(lines, r.method, h["accept"], h["content-type"], h["content-md5"], r.pathAndParameters())
	algorithm := or(r.algorithm, "hmac-sha1")
	mac := hmac.New(hashes[algorithm], []byte(or(r.secretKey, secretKey)))
	mac.Write([]byte(strings.Join(lines, "\n")))
	return fmt.Sprintf(`hmac id="%s", algorithm="%s", headers="%s", signature="%s"`,
		or(r.keyID, keyID), algorithm, strings.Join(names, " "), base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// check sends the request. The answer is the status, and the id and the list or the refusal's
// message.
func (r request) check(wanted string) {
	r.method, r.target = or(r.method, "GET"), or(r.target, "/a?b=2&a=1")
	r.headers = headers{"x-date": httpDate(0), "accept": "application/json"}.with(r.headers)
	message, err := http.NewRequest(or(r.sentMethod, r.method), or(r.base, gateway)+or(r.sentTarget, r.target), strings.NewReader(r.body))
	if err != nil {
		r.fail(err)
	}
	for name, value := range r.headers.with(r.sentHeaders) {
		message.Header.Set(name, value)
	}
	authorization := r.authorization()
	if r.change != nil {
		authorization = r.change(authorization)
	}
	if authorization != "" {
		message.Header.Set("Authorization", authorization)
	}
	response, err := client.Do(message)
	if err != nil {
		r.fail(err)
	}
	defer response.Body.Close()
	var answer struct {
		Message string
		KeyID   string `json:"key_id"`
		Signed  []string
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		r.fail(response.Status, err)
	}
	got := fmt.Sprintf("%d %s", response.StatusCode, answer.Message)
	if answer.Message == "" {
		// What is signed without being listed comes after the listed names.
		listed := strings.Join(answer.Signed, " ")
		listed = listed[:strings.Index(listed, "x-date")+len("x-date")]
		got = fmt.Sprintf("%d %s %s", response.StatusCode, answer.KeyID, listed)
	}
	r.expect(got, wanted)
}

// ours computes what the tool signs.
func (r request) ours(md5 string, options ...string) {
	r.name = "the tool: " + r.name
	r.method, r.target = or(r.method, "GET"), "/v1/items?b=2&a=%20"
	options = append(options, "--scheme", "tencent-app", "--algorithm", or(r.algorithm, "hmac-sha1"))
	if r.body != "" {
		if err := os.WriteFile(bodyFile, []byte(r.body), 0o600); err != nil {
			r.fail(err)
		}
		options = append(options, "--data", bodyFile)
	}
	limit, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	output, err := exec.CommandContext(limit, tool, append(options, "https://app.example"+r.target)...).Output()
	if err != nil {
		r.fail(err)
	}
	r.headers = headers{}
	for _, line := range strings.Split(strings.TrimSpace(string(output)), "\n") {
		name, value, _ := strings.Cut(line, ": ")
		r.headers[strings.ToLower(name)] = value
	}
	r.expect(r.headers["content-md5"]+" "+r.headers["authorization"], md5+" "+r.authorization())
}

func main() {
	accepted := "200 " + keyID + " x-date"
	values := url.Values{"q": {"a b/c"}, "city": {"北京"}, "sum": {"1+1=2"}, "你": {""}}.Encode()
	json := headers{"content-type": "application/json", "content-md5": contentMD5(body)}
	source := headers{"source": "billing app"}
	pair := regexp.MustCompile(`hmac (id="[^"]*"), (algorithm="[^"]*")`)
	signature := regexp.MustCompile(`signature=".....`)

	request{name: "two parameters"}.check(accepted)
	request{name: "parameters in another order", sentTarget: "/a?a=1&b=2"}.check(accepted)
	request{name: "an empty parameter", target: "/a?b=&a=1"}.check(accepted)
	request{name: "the library's own escapes", target: "/a?" + values}.check(accepted)
	request{name: "spaces as %20", target: "/a?" + strings.ReplaceAll(values, "+", "%20")}.check(accepted)
	request{name: "an escaped path", target: "/v1/caf%C3%A9%20b?x=1"}.check(accepted)
	request{name: "no parameters", target: "/"}.check(accepted)
	// Go sends none.
	request{name: "the library's own Accept", headers: headers{"accept": ""}}.check(accepted)
	request{name: "hmac-sha256", algorithm: "hmac-sha256"}.check(accepted)
	request{name: "a source", headers: source}.check("200 " + keyID + " source x-date")
	// This format ends in UTC.
	request{name: "zone that is not spelled GMT", headers: headers{"x-date": time.Now().UTC().Format(time.RFC1123)}}.check(accepted)
	request{name: "14 minutes old", headers: headers{"x-date": httpDate(14 * time.Minute)}}.check(accepted)
	request{name: "POST with Content-MD5", method: "POST", headers: json, body: body}.check(accepted)
	request{name: "credentials in another order", change: func(text string) string {
		return pair.ReplaceAllString(text, "hmac $2, $1")
	}}.check(accepted)
	request{name: "a stage before the path", base: stage, sentTarget: "/release/a?b=2&a=1"}.check(accepted)
	request{name: "another stage before the path", base: stage, sentTarget: "/test/a?b=2&a=1"}.check(unknown)
	request{name: "another parameter", sentTarget: "/a?b=2&a=2"}.check(mismatch)
	request{name: "one parameter more", sentTarget: "/a?b=2&a=1&c"}.check(mismatch)
	request{name: "a parameter twice", sentTarget: "/a?b=2&a=1&a=1"}.check(unknown)
	request{name: "another path", sentTarget: "/b?b=2&a=1"}.check(mismatch)
	request{name: "another method", sentMethod: "DELETE"}.check(mismatch)
	request{name: "another Accept", sentHeaders: headers{"accept": "text/html"}}.check(mismatch)
	request{name: "another Content-Type", method: "POST", headers: json, body: body,
		sentHeaders: headers{"content-type": "text/plain"}}.check(mismatch)
	request{name: "another Content-MD5", method: "POST", headers: json, body: "{}",
		sentHeaders: headers{"content-md5": contentMD5("{}")}}.check(mismatch)
	request{name: "another source", headers: source, sentHeaders: headers{"source": "other"}}.check(mismatch)
	request{name: "another date", sentHeaders: headers{"x-date": httpDate(30 * time.Second)}}.check(mismatch)
	request{name: "16 minutes old", headers: headers{"x-date": httpDate(16 * time.Minute)}}.check(late)
	request{name: "altered signature", change: func(text string) string {
		return signature.ReplaceAllString(text, `signature="AAAAA`)
	}}.check(mismatch)
	request{name: "wrong key", secretKey: secretKey + "x"}.check(mismatch)
	request{name: "unknown key id", keyID: keyID + "x"}.check(unknown)
	request{name: "a parameter of the credentials that is unknown", change: func(text string) string {
		return text + `, opaque="a"`
	}}.check(malformed)
	request{name: "unsigned", change: func(string) string { return "" }}.check(unsigned)

	form := url.Values{"name": {"Jörg K"}, "age": {""}}.Encode()
	request{name: "GET"}.ours("")
	request{name: "hmac-sha256", algorithm: "hmac-sha256"}.ours("")
	request{name: "a source"}.ours("", "--source", "billing app")
	request{name: "POST with Content-MD5", method: "POST", body: body}.ours(contentMD5(body), "--header", "content-type: application/json")
	request{name: "a form", method: "POST", body: form, form: form}.ours("", "--header", "content-type: application/x-www-form-urlencoded")
}
