<?php
// Signs requests with PHP's own HTTP streams, as the gateway's documentation says, and checks the
// answers.
//
//     HMAC_KEY_ID=… HMAC_SECRET_KEY=… php client.php http://127.0.0.1:8080

declare(strict_types=1);

const UNSIGNED = 'HMAC signature cannot be verified, a validate authorization header is required';
const LATE = 'HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication.';
const UNKNOWN = 'HMAC signature cannot be verified.';
const MISMATCH = 'HMAC signature does not match.';
const SIGNS = 'a b, "c"; d=e/f%20+&<>\'\\';
const BEYOND_ASCII = 'café ✓ 你';

// Ends the script at a warning, such as that of a refused connection.
set_error_handler(fn (int $level, string $message) => throw new ErrorException($message));

$baseUrl = $argv[1];
$keyId = getenv('HMAC_KEY_ID');
$secretKey = getenv('HMAC_SECRET_KEY');
$passed = 0;

function http_date(int $age, string $form): string
{
    return gmdate($form, time() - $age);
}

/** Returns `name: value` for each header, in the order in which they are signed. */
function lines(array $headers): array
{
    return array_map(fn ($name, $value) => "$name: $value", array_keys($headers), $headers);
}

function authorization(array $headers, string $keyId, string $secretKey, string $algorithm, string $separator): string
{
    $digest = hash_hmac(substr($algorithm, strlen('hmac-')), implode("\n", lines($headers)), $secretKey, binary: true);
    $names = implode(' ', array_keys($headers));
    $signature = base64_encode($digest);
    return 'hmac ' . implode(
        $separator,
        ["id=\"$keyId\"", "algorithm=\"$algorithm\"", "headers=\"$names\"", "signature=\"$signature\""],
    );
}

/**
 * Sends one request. It must be refused with the text in `$refused`, or accepted if that is null.
 */
function check(
    string $case, string $dateHeader, string $source = 'interop', int $age = 0, array $further = [],
    string $algorithm = 'hmac-sha1', string $body = '', ?string $otherId = null, ?string $otherKey = null,
    string $dateForm = 'D, d M Y H:i:s \G\M\T', string $separator = ', ', bool $signed = true,
    ?string $sentSource = null, ?string $refused = null,
): void {
    global $baseUrl, $keyId, $secretKey, $passed;
    $headers = [$dateHeader => http_date($age, $dateForm), 'source' => $source] + $further;
    $sent = lines($sentSource === null ? $headers : ['source' => $sentSource] + $headers);
    if ($signed) {
        $sent[] = 'Authorization: '
            . authorization($headers, $otherId ?? $keyId, $otherKey ?? $secretKey, $algorithm, $separator);
    }
    $options = ['header' => $sent, 'ignore_errors' => true, 'follow_location' => 0, 'timeout' => 10];
    if ($body !== '') {
        $options['header'][] = 'Content-Type: application/json';
        $options += ['method' => 'POST', 'content' => $body];
    }
    $text = file_get_contents("$baseUrl/v1/orders?x=1", context: stream_context_create(['http' => $options]));
    // PHP puts the head of the answer into this variable. Its first line is the status line.
    $status = (int) explode(' ', $http_response_header[0])[1];

    $wanted = $refused === null
        ? [200, ['key_id' => $otherId ?? $keyId, 'signed' => array_keys($headers)]]
        : [401, ['message' => $refused]];
    $got = [$status, json_decode($text, associative: true) ?? $text];
    if ($got !== $wanted) {
        fprintf(STDERR, "not ok php %s %s: wanted %s, got %s\n", $dateHeader, $case, json_encode($wanted), json_encode($got));
        exit(1);
    }
    echo "ok php $dateHeader $case\n";
    $passed += 1;
}

foreach (['date', 'x-date'] as $dateHeader) {
    check('plain source', $dateHeader);
    check('empty source', $dateHeader, source: '');
    check('source with signs', $dateHeader, source: SIGNS);
    check('source beyond ASCII', $dateHeader, source: BEYOND_ASCII);
    check('hmac-sha256', $dateHeader, algorithm: 'hmac-sha256');
    check('POST with a body', $dateHeader, body: '{"hello":"world"}');
    // This format ends in +0000.
    check('zone that is not spelled GMT', $dateHeader, dateForm: DATE_RFC2822);
    check('two spaces after each comma', $dateHeader, separator: ',  ');
    check('wrong key', $dateHeader, otherKey: "{$secretKey}x", refused: MISMATCH);
    check('altered source', $dateHeader, sentSource: 'altered', refused: MISMATCH);
    check('unknown key id', $dateHeader, otherId: "{$keyId}x", refused: UNKNOWN);
    check('unsigned', $dateHeader, signed: false, refused: UNSIGNED);
}

// The gateway checks the age of X-Date, but not that of Date.
check('two days old', 'date', age: 2 * 24 * 3600);
check('14 minutes old', 'x-date', age: 14 * 60);
check('16 minutes old', 'x-date', age: 16 * 60, refused: LATE);
// A proxy may change or drop these.
check('with a signed host', 'x-date', further: ['host' => substr($baseUrl, strlen('http://'))]);
check('with a signed header that has an underscore', 'x-date', further: ['x_tenant' => 'blue']);
echo "php: $passed cases\n";
