<?php
// Signs for Tyk and Traefik Hub with PHP's own HTTP streams, as their documentation says, and checks
// the answers. Then computes what the example sign signs.
//
//     HMAC_KEY_ID=… HMAC_SECRET_KEY=… php client.php tyk|traefik-hub GATEWAY SIGN
//
// GATEWAY is the URL of the example gateway.

declare(strict_types=1);

// Ends the script at a warning, such as that of a refused connection.
set_error_handler(fn (int $level, string $message) => throw new ErrorException($message));

[, $scheme, $gateway, $tool] = $argv;
$keyId = getenv('HMAC_KEY_ID');
$secretKey = getenv('HMAC_SECRET_KEY');
$isTyk = $scheme === 'tyk';

const TARGETS = [
    'a plain target' => '/a', 'a query' => '/v1/orders?x=1&y=%E4%BD%A0', 'an escaped path' => '/v1/caf%C3%A9%20b?x=1', 'the root' => '/',
];
const HASHES = ['sha1', 'sha256', 'sha384', 'sha512'];
define('NAMES', $isTyk ? ['(request-target)', 'date'] : ['(request-target)', '(created)', '(expires)']);
// Traefik Hub's documentation has no texts.
define('REFUSED', $isTyk ? '400 Authorization field missing, malformed or invalid' : '401');

function http_date(int $age = 0, string $form = DATE_RFC7231): string
{
    return gmdate($form, time() - $age);
}

/** The times that Traefik Hub's clients sign. */
function times(int $age = 0, int $lifetime = 10): array
{
    return ['(created)' => (string) (time() - $age), '(expires)' => (string) (time() - $age + $lifetime)];
}

function line(string $name, string $method, string $target, array $headers): string
{
    global $isTyk;
    // Tyk signs the decoded path, without the query.
    if ($name === '(request-target)') {
        return "$name: " . strtolower($method) . ' ' . ($isTyk ? rawurldecode(explode('?', $target)[0]) : $target);
    }
    $read = $isTyk && $name === 'date' && isset($headers['x-aux-date']) ? 'x-aux-date' : $name;
    return "$read: " . ($headers[$read] ?? '');
}

function authorization(
    string $method, string $target, array $headers, ?array $names, array $times, string $hash = 'sha256',
    ?string $id = null, ?string $secret = null,
): string {
    global $isTyk, $keyId, $secretKey;
    $listed = $names ?? ($isTyk ? ['date'] : NAMES);
    $lines = array_map(fn ($name) => line($name, $method, $target, $headers + $times), $listed);
    $mac = base64_encode(hash_hmac($hash, implode("\n", $lines), $secret ?? $secretKey, binary: true));
    $parameters = [
        'keyId' => $id ?? $keyId, 'algorithm' => "hmac-$hash", 'headers' => $names ? implode(' ', $names) : '',
        'created' => $times['(created)'] ?? '', 'expires' => $times['(expires)'] ?? '',
        'signature' => $isTyk ? rawurlencode($mac) : $mac,
    ];
    $parameters = array_filter($parameters);
    $texts = array_map(fn ($name, $value) => "$name=\"$value\"", array_keys($parameters), $parameters);
    return ($isTyk ? 'Signature ' : 'Hmac ') . implode(',', $texts);
}

function expect(string $case, mixed $got, mixed $wanted): void
{
    global $scheme;
    if ($got !== $wanted) {
        fprintf(STDERR, "not ok php %s %s: wanted %s, got %s\n", $scheme, $case, json_encode($wanted), json_encode($got));
        exit(1);
    }
    echo "ok php $scheme $case\n";
}

/** Signs a request, and sends it with what is in the arguments `sent…` instead. */
function check(
    string $case, string $wanted, string $target = '/a', ?array $names = NAMES, ?array $headers = null, ?array $times = null,
    ?string $sentMethod = null, ?string $sentTarget = null, array $sentHeaders = [], ?callable $change = null, ...$options,
): void {
    global $gateway, $isTyk;
    $headers ??= $isTyk ? ['date' => http_date()] : [];
    $headers['host'] = substr($gateway, strlen('http://'));
    $text = authorization('GET', $target, $headers, $names, $times ?? ($isTyk ? [] : times()), ...$options);
    $sent = $sentHeaders + $headers + ['authorization' => $change ? $change($text) : $text];
    $lines = array_map(fn ($name, $value) => "$name: $value", array_keys(array_filter($sent)), array_filter($sent));
    $context = stream_context_create(['http' => [
        'method' => $sentMethod ?? 'GET', 'header' => $lines, 'ignore_errors' => true, 'timeout' => 10,
    ]]);
    $answer = json_decode(file_get_contents($gateway . ($sentTarget ?? $target), context: $context), true);
    $status = explode(' ', $http_response_header[0])[1];
    expect($case, trim("$status " . ($answer['error'] ?? $answer['key_id'] ?? '')), $wanted);
}

$accepted = "200 $keyId";
$further = ['x-test-1' => 'hello'] + ($isTyk ? ['date' => http_date()] : []);
$more = [...NAMES, 'x-test-1'];
$later = time() + 3600;

foreach (TARGETS as $case => $target) {
    check($case, $accepted, $target);
}
foreach (HASHES as $hash) {
    check($hash, $accepted, hash: $hash);
}
check('a further header', $accepted, names: $more, headers: $further);
check('parameters in another order', $accepted,
    change: fn ($text) => preg_replace('/(keyId="[^"]*"),(algorithm="[^"]*")/', '$2, $1', $text));
check('another path', REFUSED, sentTarget: '/b');
check('another method', REFUSED, sentMethod: 'DELETE');
check('another value', REFUSED, names: $more, headers: $further, sentHeaders: ['x-test-1' => 'hullo']);
check('another list', REFUSED, names: $more, headers: $further, change: fn ($text) => str_replace(' x-test-1"', '"', $text));
// Tyk would accept it: see the guide's page gateway_differences.
check('a missing header', REFUSED, names: $more);
check('an altered signature', REFUSED, change: fn ($text) => preg_replace('/signature="...../', 'signature="AAAAA', $text));
check('wrong key', REFUSED, secret: $secretKey . 'x');
check('unknown key id', REFUSED, id: $keyId . 'x');
check('unsigned', REFUSED, change: fn () => '');
if ($isTyk) {
    check('another query', $accepted, '/a?x=1', sentTarget: '/a?x=2');
    // This format ends in +0000.
    check('zone that is not spelled GMT', $accepted, headers: ['date' => http_date(form: DATE_RFC1123)]);
    check('the date alone, without a list', $accepted, names: null);
    check('x-aux-date as the date', $accepted, headers: ['x-aux-date' => http_date()]);
    check('4 minutes old', $accepted, headers: ['date' => http_date(240)]);
    check('6 minutes old', REFUSED, headers: ['date' => http_date(360)]);
    check('another date', REFUSED, sentHeaders: ['date' => http_date(30)]);
    check('an unknown parameter', REFUSED, change: fn ($text) => "$text,opaque=\"a\"");
    check('created', REFUSED, change: fn ($text) => "$text,created=\"" . time() . '"');
} else {
    check('another query', REFUSED, '/a?x=1', sentTarget: '/a?x=2');
    check('no list', $accepted, names: null);
    check('host as well', $accepted, names: [...NAMES, 'host']);
    check('an unknown parameter', $accepted, change: fn ($text) => "$text,opaque=\"a\"");
    check('expired', REFUSED, times: times(70));
    check('expires an hour later', REFUSED, change: fn ($text) => preg_replace('/expires="\d+"/', "expires=\"$later\"", $text));
    check('created in a minute', REFUSED, times: times(-60));
}

/** Returns the word and the parameters, sorted by name, as their order is not fixed. */
function parameters(string $text): array
{
    preg_match_all('/(\w+)="([^"]*)"/', $text, $found);
    $parameters = ['word' => explode(' ', $text)[0]] + array_combine($found[1], $found[2]);
    ksort($parameters);
    return $parameters;
}

/** Computes what the tool signs. */
function ours(string $case, string $target = '/a', string $hash = 'sha256', array $names = NAMES, array $options = []): void
{
    global $scheme, $tool;
    $command = [$tool, '--scheme', $scheme, '--algorithm', "hmac-$hash", ...$options, "http://api.example.com$target"];
    exec(implode(' ', array_map(escapeshellarg(...), $command)), $lines);
    $headers = [];
    foreach ($lines as $line) {
        [$name, $value] = explode(': ', $line, 2);
        $headers[strtolower($name)] = $value;
    }
    $found = parameters($headers['authorization']);
    $times = array_filter(['(created)' => $found['created'] ?? '', '(expires)' => $found['expires'] ?? '']);
    expect("the tool: $case", $found, parameters(authorization('GET', $target, $headers, $names, $times, $hash)));
}

foreach (TARGETS as $case => $target) {
    ours($case, $target);
}
foreach (HASHES as $hash) {
    ours($hash, hash: $hash);
}
ours('a further header', names: $more, options: ['--header', 'X-Test-1: hello', '--sign', 'x-test-1']);
