// Signs for Tyk and Traefik Hub with Go's standard library, as their documentation says, and checks
// the answers. Then computes what the example sign signs.
//
//	HMAC_KEY_ID=… HMAC_SECRET_KEY=… go run client.go tyk|traefik-hub GATEWAY SIGN
//
// GATEWAY is the URL of the example gateway.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

type named struct{ name, value string }

var (
	scheme, gateway, tool = os.Args[1], os.Args[2], os.Args[3]
	keyID                 = os.Getenv("HMAC_KEY_ID")
	secretKey             = os.Getenv("HMAC_SECRET_KEY")
	isTyk                 = scheme == "tyk"
	client                = http.Client{Timeout: 10 * time.Second}

	targets = []named{
		{"a plain target", "/a"}, {"a query", "/v1/orders?x=1&y=%E4%BD%A0"}, {"an escaped path", "/v1/caf%C3%A9%20b?x=1"}, {"the root", "/"},
	}
	hashNames = []string{"sha1", "sha256", "sha384", "sha512"}
	hashes    = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}
	parameter = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

// A request to send. Empty fields have defaults: GET /a, the scheme's usual list and times,
// hmac-sha256, the valid key pair, and for what is sent, what is signed.
type request struct {
	name             string
	target           string
	names            []string
	hasNoList        bool
	headers          map[string]string
	created, expires string
	hash             string
	keyID, secretKey string
	sentMethod       string
	sentTarget       string
	sentHeaders      map[string]string
	change           func(authorization string) string
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

func seconds(age time.Duration) string {
	return strconv.FormatInt(time.Now().Add(-age).Unix(), 10)
}

func usualNames(further ...string) []string {
	if isTyk {
		return append([]string{"(request-target)", "date"}, further...)
	}
	return append([]string{"(request-target)", "(created)", "(expires)"}, further...)
}

func (r request) fail(problem ...any) {
	fmt.Fprintf(os.Stderr, "not ok go %s %s: %s\n", scheme, r.name, fmt.Sprint(problem...))
	os.Exit(1)
}

func (r request) expect(got, wanted any) {
	if !reflect.DeepEqual(got, wanted) {
		r.fail("wanted ", wanted, ", got ", got)
	}
	fmt.Printf("ok go %s %s\n", scheme, r.name)
}

func (r request) line(name string) string {
	switch {
	case name == "(request-target)" && isTyk:
		// Tyk signs the decoded path, without the query.
		target, err := url.Parse(r.target)
		if err != nil {
			r.fail(err)
		}
		return name + ": get " + target.Path
	case name == "(request-target)":
		return name + ": get " + r.target
	case name == "(created)":
		return name + ": " + r.created
	case name == "(expires)":
		return name + ": " + r.expires
	case name == "date" && isTyk && r.headers["x-aux-date"] != "":
		name = "x-aux-date"
	}
	return name + ": " + r.headers[name]
}

func (r request) authorization() string {
	names, list := r.names, strings.Join(r.names, " ")
	word, encode := "Hmac ", func(signature string) string { return signature }
	if isTyk {
		word, encode = "Signature ", url.QueryEscape
	}
	if r.hasNoList {
		list = ""
		if isTyk {
			names = []string{"date"}
		}
	}
	var lines, texts []string
	for _, name := range names {
		lines = append(lines, r.line(name))
	}
	hashName := or(r.hash, "sha256")
	mac := hmac.New(hashes[hashName], []byte(or(r.secretKey, secretKey)))
	mac.Write([]byte(strings.Join(lines, "\n")))
	for _, parameter := range []named{
		{"keyId", or(r.keyID, keyID)}, {"algorithm", "hmac-" + hashName}, {"headers", list}, {"created", r.created},
		{"expires", r.expires}, {"signature", encode(base64.StdEncoding.EncodeToString(mac.Sum(nil)))},
	} {
		if parameter.value != "" {
			texts = append(texts, fmt.Sprintf(`%s="%s"`, parameter.name, parameter.value))
		}
	}
	return word + strings.Join(texts, ",")
}

// check sends the request. The answer is the status, and the key id or Tyk's text.
func (r request) check(wanted string) {
	r.target = or(r.target, "/a")
	if r.names == nil {
		r.names = usualNames()
	}
	if isTyk && r.headers["date"]+r.headers["x-aux-date"] == "" {
		r.headers = with(r.headers, "date", httpDate(0))
	}
	if !isTyk {
		r.created, r.expires = or(r.created, seconds(0)), or(r.expires, seconds(-10*time.Second))
	}
	message, err := http.NewRequest(or(r.sentMethod, "GET"), gateway+or(r.sentTarget, r.target), nil)
	if err != nil {
		r.fail(err)
	}
	for _, headers := range []map[string]string{r.headers, r.sentHeaders} {
		for name, value := range headers {
			message.Header.Set(name, value)
		}
	}
	// Go sends Host from the URL.
	r.headers = with(r.headers, "host", message.URL.Host)
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
		Error string
		KeyID string `json:"key_id"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		r.fail(response.Status, err)
	}
	r.expect(strings.TrimSpace(fmt.Sprint(response.StatusCode, " ", or(answer.Error, answer.KeyID))), wanted)
}

// with returns the headers with another one.
func with(headers map[string]string, name, value string) map[string]string {
	all := map[string]string{name: value}
	for name, value := range headers {
		all[name] = value
	}
	return all
}

// parameters returns the word and the parameters, whose order is not fixed.
func parameters(text string) map[string]string {
	word, _, _ := strings.Cut(text, " ")
	all := map[string]string{"word": word}
	for _, found := range parameter.FindAllStringSubmatch(text, -1) {
		all[found[1]] = found[2]
	}
	return all
}

// ours computes what the tool signs.
func (r request) ours(options ...string) {
	r.name, r.target = "the tool: "+r.name, or(r.target, "/a")
	if r.names == nil {
		r.names = usualNames()
	}
	options = append(options, "--scheme", scheme, "--algorithm", "hmac-"+or(r.hash, "sha256"), "http://api.example.com"+r.target)
	limit, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	output, err := exec.CommandContext(limit, tool, options...).Output()
	if err != nil {
		r.fail(err)
	}
	r.headers = map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(output)), "\n") {
		name, value, _ := strings.Cut(line, ": ")
		r.headers[strings.ToLower(name)] = value
	}
	found := parameters(r.headers["authorization"])
	r.created, r.expires = found["created"], found["expires"]
	r.expect(found, parameters(r.authorization()))
}

func replaced(pattern, replacement string) func(string) string {
	return func(text string) string { return regexp.MustCompile(pattern).ReplaceAllString(text, replacement) }
}

func main() {
	accepted := "200 " + keyID
	// Traefik Hub's documentation has no texts.
	refused := "401"
	if isTyk {
		refused = "400 Authorization field missing, malformed or invalid"
	}
	more, further := usualNames("x-test-1"), map[string]string{"x-test-1": "hello"}

	for _, target := range targets {
		request{name: target.name, target: target.value}.check(accepted)
	}
	for _, hash := range hashNames {
		request{name: hash, hash: hash}.check(accepted)
	}
	request{name: "a further header", names: more, headers: further}.check(accepted)
	request{name: "parameters in another order", change: replaced(`(keyId="[^"]*"),(algorithm="[^"]*")`, "$2, $1")}.check(accepted)
	request{name: "another path", sentTarget: "/b"}.check(refused)
	request{name: "another method", sentMethod: "DELETE"}.check(refused)
	request{name: "another value", names: more, headers: further, sentHeaders: map[string]string{"x-test-1": "hullo"}}.check(refused)
	request{name: "another list", names: more, headers: further, change: replaced(` x-test-1"`, `"`)}.check(refused)
	// Tyk would accept it: see the guide's page gateway_differences.
	request{name: "a missing header", names: more}.check(refused)
	request{name: "an altered signature", change: replaced(`signature=".....`, `signature="AAAAA`)}.check(refused)
	request{name: "wrong key", secretKey: secretKey + "x"}.check(refused)
	request{name: "unknown key id", keyID: keyID + "x"}.check(refused)
	request{name: "unsigned", change: replaced(".*", "")}.check(refused)
	if isTyk {
		date := func(date string) map[string]string { return map[string]string{"date": date} }
		request{name: "another query", target: "/a?x=1", sentTarget: "/a?x=2"}.check(accepted)
		// This format ends in UTC.
		request{name: "zone that is not spelled GMT", headers: date(time.Now().UTC().Format(time.RFC1123))}.check(accepted)
		request{name: "the date alone, without a list", hasNoList: true}.check(accepted)
		request{name: "x-aux-date as the date", headers: map[string]string{"x-aux-date": httpDate(0)}}.check(accepted)
		request{name: "4 minutes old", headers: date(httpDate(4 * time.Minute))}.check(accepted)
		request{name: "6 minutes old", headers: date(httpDate(6 * time.Minute))}.check(refused)
		request{name: "another date", sentHeaders: date(httpDate(30 * time.Second))}.check(refused)
		request{name: "an unknown parameter", change: replaced("$", `,opaque="a"`)}.check(refused)
		request{name: "created", change: replaced("$", `,created="`+seconds(0)+`"`)}.check(refused)
	} else {
		request{name: "another query", target: "/a?x=1", sentTarget: "/a?x=2"}.check(refused)
		request{name: "no list", hasNoList: true}.check(accepted)
		request{name: "host as well", names: usualNames("host")}.check(accepted)
		request{name: "an unknown parameter", change: replaced("$", `,opaque="a"`)}.check(accepted)
		request{name: "expired", created: seconds(70 * time.Second), expires: seconds(time.Minute)}.check(refused)
		request{name: "expires an hour later", change: replaced(`expires="\d+"`, `expires="`+seconds(-time.Hour)+`"`)}.check(refused)
		request{name: "created in a minute", created: seconds(-time.Minute), expires: seconds(-2 * time.Minute)}.check(refused)
	}

	for _, target := range targets {
		request{name: target.name, target: target.value}.ours()
	}
	for _, hash := range hashNames {
		request{name: hash, hash: hash}.ours()
	}
	request{name: "a further header", names: more}.ours("--header", "X-Test-1: hello", "--sign", "x-test-1")
}
