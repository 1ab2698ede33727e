<?php
// Signs for Tencent's application authentication with PHP's own HTTP streams, as its documentation
// says, and checks the answers. Then computes what the example sign signs.
//
//     HMAC_KEY_ID=… HMAC_SECRET_KEY=… php client.php GATEWAY STAGE SIGN BODY
//
// GATEWAY is the URL of the example gateway, STAGE that of one whose paths begin with /release. BODY
// is a file to write.

declare(strict_types=1);

const BODY = '{"sn":"SN001"}';
const MISMATCH = '401 HMAC signature does not match.';
const UNKNOWN = '401 HMAC signature cannot be verified.';
const LATE = '401 HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication.';
const MALFORMED = '401 HMAC authorization format error.';
const UNSIGNED = '401 HMAC signature cannot be verified, a validate authorization header is required';

// Ends the script at a warning, such as that of a refused connection.
set_error_handler(fn (int $level, string $message) => throw new ErrorException($message));

[, $gateway, $stage, $tool, $bodyFile] = $argv;
$keyId = getenv('HMAC_KEY_ID');
$secretKey = getenv('HMAC_SECRET_KEY');

function http_date(int $age = 0, string $form = DATE_RFC7231): string
{
    return gmdate($form, time() - $age);
}

function content_md5(string $body): string
{
    return base64_encode(md5($body));
}

/** Returns the last line: the path, and the decoded parameters of the query and the form. */
function path_and_parameters(string $target, string $form): string
{
    [$path, $query] = explode('?', $target) + [1 => ''];
    parse_str("$query&$form", $parameters);
    ksort($parameters, SORT_STRING);
    $pair = fn (string $name, string $value) => $value === '' ? $name : "$name=$value";
    $texts = array_map($pair, array_keys($parameters), $parameters);
    return $texts ? $path . '?' . implode('&', $texts) : $path;
}

function authorization(
    string $method, string $target, array $headers, string $form = '', string $hash = 'sha1', ?string $id = null,
    ?string $secret = null,
): string {
    global $keyId, $secretKey;
    $id ??= $keyId;
    $names = array_filter(['source', 'x-date'], fn ($name) => isset($headers[$name]));
    $lines = array_map(fn ($name) => "$name: $headers[$name]", $names);
    $lines[] = $method;
    foreach (['accept', 'content-type', 'content-md5'] as $name) {
        $lines[] = $headers[$name] ?? '';
    }
    $lines[] = path_and_parameters($target, $form);
    $signature = base64_encode(hash_hmac($hash, implode("\n", $lines), $secret ?? $secretKey, binary: true));
    $names = implode(' ', $names);
    return "hmac id=\"$id\", algorithm=\"hmac-$hash\", headers=\"$names\", signature=\"$signature\"";
}

function expect(string $case, string $got, string $wanted): void
{
    if ($got !== $wanted) {
        fwrite(STDERR, "not ok php tencent-app $case: wanted $wanted, got $got\n");
        exit(1);
    }
    echo "ok php tencent-app $case\n";
}

/** Signs a request, and sends it with what is in the arguments `sent…` instead. */
function check(
    string $case, string $wanted, string $method = 'GET', string $target = '/a?b=2&a=1', array $headers = [],
    string $body = '', ?string $sentMethod = null, ?string $sentTarget = null, array $sentHeaders = [],
    ?string $base = null, ?callable $change = null, ...$options,
): void {
    global $gateway;
    // An empty value stands for a header that is not sent.
    $headers = array_filter($headers + ['x-date' => http_date(), 'accept' => 'application/json']);
    $sent = $sentHeaders + $headers;
    $text = authorization($method, $target, $headers, ...$options);
    $sent['authorization'] = $change ? $change($text) : $text;
    $lines = array_map(fn ($name, $value) => "$name: $value", array_keys(array_filter($sent)), array_filter($sent));
    $context = stream_context_create(['http' => [
        'method' => $sentMethod ?? $method, 'header' => $lines, 'content' => $body, 'ignore_errors' => true, 'timeout' => 10,
    ]]);
    $answer = json_decode(file_get_contents(($base ?? $gateway) . ($sentTarget ?? $target), context: $context), true);
    $status = explode(' ', $http_response_header[0])[1];
    // What is signed without being listed comes after the listed names.
    $listed = implode(' ', array_slice($answer['signed'] ?? [], 0, isset($headers['source']) ? 2 : 1));
    expect($case, "$status " . ($answer['message'] ?? "$answer[key_id] $listed"), $wanted);
}

$accepted = "200 $keyId x-date";
$values = ['q' => 'a b/c', 'city' => '北京', 'sum' => '1+1=2', '你' => ''];
$json = ['content-type' => 'application/json', 'content-md5' => content_md5(BODY)];
$source = ['source' => 'billing app'];

check('two parameters', $accepted);
check('parameters in another order', $accepted, sentTarget: '/a?a=1&b=2');
check('an empty parameter', $accepted, target: '/a?b=&a=1');
check("the library's own escapes", $accepted, target: '/a?' . http_build_query($values));
check('spaces as %20', $accepted, target: '/a?' . http_build_query($values, encoding_type: PHP_QUERY_RFC3986));
check('an escaped path', $accepted, target: '/v1/caf%C3%A9%20b?x=1');
check('no parameters', $accepted, target: '/');
// PHP sends none.
check("the library's own Accept", $accepted, headers: ['accept' => '']);
check('hmac-sha256', $accepted, hash: 'sha256');
check('a source', "200 $keyId source x-date", headers: $source);
// This format ends in +0000.
check('zone that is not spelled GMT', $accepted, headers: ['x-date' => http_date(form: DATE_RFC1123)]);
check('14 minutes old', $accepted, headers: ['x-date' => http_date(14 * 60)]);
check('POST with Content-MD5', $accepted, 'POST', headers: $json, body: BODY);
check('credentials in another order', $accepted,
    change: fn ($text) => preg_replace('/hmac (id="[^"]*"), (algorithm="[^"]*")/', 'hmac $2, $1', $text));
check('a stage before the path', $accepted, base: $stage, sentTarget: '/release/a?b=2&a=1');
check('another stage before the path', UNKNOWN, base: $stage, sentTarget: '/test/a?b=2&a=1');
check('another parameter', MISMATCH, sentTarget: '/a?b=2&a=2');
check('one parameter more', MISMATCH, sentTarget: '/a?b=2&a=1&c');
check('a parameter twice', UNKNOWN, sentTarget: '/a?b=2&a=1&a=1');
check('another path', MISMATCH, sentTarget: '/b?b=2&a=1');
check('another method', MISMATCH, sentMethod: 'DELETE');
check('another Accept', MISMATCH, sentHeaders: ['accept' => 'text/html']);
check('another Content-Type', MISMATCH, 'POST', headers: $json, body: BODY, sentHeaders: ['content-type' => 'text/plain']);
check('another Content-MD5', MISMATCH, 'POST', headers: $json, body: '{}', sentHeaders: ['content-md5' => content_md5('{}')]);
check('another source', MISMATCH, headers: $source, sentHeaders: ['source' => 'other']);
check('another date', MISMATCH, sentHeaders: ['x-date' => http_date(30)]);
check('16 minutes old', LATE, headers: ['x-date' => http_date(16 * 60)]);
check('altered signature', MISMATCH, change: fn ($text) => preg_replace('/signature="...../', 'signature="AAAAA', $text));
check('wrong key', MISMATCH, secret: $secretKey . 'x');
check('unknown key id', UNKNOWN, id: $keyId . 'x');
check('a parameter of the credentials that is unknown', MALFORMED, change: fn ($text) => "$text, opaque=\"a\"");
check('unsigned', UNSIGNED, change: fn () => '');

/** Computes what the tool signs. */
function ours(
    string $case, string $method = 'GET', string $hash = 'sha1', string $body = '', string $form = '', string $md5 = '',
    array $options = [],
): void {
    global $tool, $bodyFile;
    file_put_contents($bodyFile, $body);
    $data = $body === '' ? [] : ['--data', $bodyFile];
    $target = '/v1/items?b=2&a=%20';
    $command = [$tool, '--scheme', 'tencent-app', '--algorithm', "hmac-$hash", ...$data, ...$options, "https://app.example$target"];
    exec(implode(' ', array_map(escapeshellarg(...), $command)), $lines);
    $headers = [];
    foreach ($lines as $line) {
        [$name, $value] = explode(': ', $line, 2);
        $headers[strtolower($name)] = $value;
    }
    $expected = authorization($method, $target, $headers, $form, $hash);
    expect("the tool: $case", ($headers['content-md5'] ?? '') . " $headers[authorization]", "$md5 $expected");
}

$form = http_build_query(['name' => 'Jörg K', 'age' => '']);
ours('GET');
ours('hmac-sha256', hash: 'sha256');
ours('a source', options: ['--source', 'billing app']);
ours('POST with Content-MD5', 'POST', body: BODY, md5: content_md5(BODY), options: ['--header', 'content-type: application/json']);
ours('a form', 'POST', body: $form, form: $form, options: ['--header', 'content-type: application/x-www-form-urlencoded']);
