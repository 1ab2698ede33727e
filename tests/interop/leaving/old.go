// Signs as the vendor's sample in Go: go run old.go URL
package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

func calcAuthorization(source, secretID, secretKey string) (string, string) {
	dateTime := time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	mac := hmac.New(sha1.New, []byte(secretKey))
	mac.Write([]byte(fmt.Sprintf("x-date: %s\nsource: %s", dateTime, source)))
	sign := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	auth := fmt.Sprintf("hmac id=\"%s\", algorithm=\"hmac-sha1\", headers=\"x-date source\", signature=\"%s\"",
		secretID, sign)
	return auth, dateTime
}

func main() {
	source := "xxxxxx"
	auth, dateTime := calcAuthorization(source, os.Getenv("SECRET_ID"), os.Getenv("SECRET_KEY"))
	request, err := http.NewRequest("GET", os.Args[1], nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Source", source)
	request.Header.Set("X-Date", dateTime)
	request.Header.Set("Authorization", auth)
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.StatusCode, string(body))
}
