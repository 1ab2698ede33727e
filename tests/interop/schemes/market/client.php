<?php
// Signs for Tencent Cloud Market with PHP's own HTTP streams, as the market's samples do, and checks
// the answers.
//
//     HMAC_KEY_ID=… HMAC_SECRET_KEY=… php client.php http://127.0.0.1:8080

declare(strict_types=1);

// Ends the script at a warning, such as that of a refused connection.
set_error_handler(fn (int $level, string $message) => throw new ErrorException($message));

$baseUrl = $argv[1];
$keyId = getenv('HMAC_KEY_ID');
$secretKey = getenv('HMAC_SECRET_KEY');

function signature(string $date, ?string $secret = null): string
{
    global $secretKey;
    return base64_encode(hash_hmac('sha1', "x-date: $date", $secret ?? $secretKey, binary: true));
}

function http_date(int $age = 0): string
{
    return gmdate('D, d M Y H:i:s', time() - $age) . ' GMT';
}

/** Returns a date, some seconds old, whose signature has a slash. */
function date_with_slash(): string
{
    for ($age = 0; $age < 600; $age++) {
        if (str_contains(signature(http_date($age)), '/')) {
            return http_date($age);
        }
    }
    throw new LogicException('no signature has a slash');
}

/** Joins the members by hand, with what stands between two of them and after each name. */
function spelled(array $members, string $between, string $colon): string
{
    $parts = array_map(fn ($name, $value) => "\"$name\"$colon\"$value\"", array_keys($members), $members);
    return '{' . implode($between, $parts) . '}';
}

function check(
    string $case, int $status = 200, ?callable $spelling = null, ?string $date = null, ?string $signedDate = null,
    ?string $id = null, ?string $secret = null, string $body = '', ?callable $further = null, bool $signed = true,
): void {
    global $baseUrl, $keyId;
    $date ??= http_date();
    $id ??= $keyId;
    $headers = $further ? $further($date) : [];
    if ($signed) {
        $members = ['id' => $id, 'x-date' => $date, 'signature' => signature($signedDate ?? $date, $secret)];
        // json_encode writes a slash as \/.
        $headers[] = 'Authorization: ' . ($spelling ?? json_encode(...))($members);
    }
    if ($body !== '') {
        $headers[] = 'Content-Type: application/json';
    }
    $context = stream_context_create(['http' => [
        'method' => $body === '' ? 'GET' : 'POST', 'header' => $headers, 'content' => $body, 'ignore_errors' => true,
        'timeout' => 10,
    ]]);
    $text = file_get_contents("$baseUrl/service-1/a?x=1", context: $context);
    $got = (int) explode(' ', $http_response_header[0])[1];
    $wanted = json_encode(['key_id' => $id, 'signed' => ['x-date']]);
    if ($got !== $status || ($status === 200 && $text !== $wanted)) {
        fwrite(STDERR, "not ok php tencent-market $case: wanted $status, got $got $text\n");
        exit(1);
    }
    echo "ok php tencent-market $case\n";
}

check("the language's own JSON");
check("the sample's spelling", spelling: fn ($members) => spelled($members, ', ', ':'));
check('compact', spelling: fn ($members) => json_encode($members, JSON_UNESCAPED_SLASHES));
check('members in another order', spelling: function ($members) {
    ksort($members);
    return json_encode($members);
});
check('a space before each comma', spelling: fn ($members) => spelled($members, ' , ', ': '));
check('a slash in the signature', date: date_with_slash(), spelling: fn ($members) => json_encode($members, JSON_UNESCAPED_SLASHES));
check('a slash that is escaped', date: date_with_slash());
check('X-Date and request-id beside it', further: fn ($date) => ["X-Date: $date", 'request-id: ' . bin2hex(random_bytes(16))]);
check('POST with a body', body: '{"hello":"world"}');
check('14 minutes old', date: http_date(14 * 60));
check('16 minutes old', 403, date: http_date(16 * 60));
check('altered date', 401, signedDate: http_date(30));
check('wrong key', 401, secret: $secretKey . 'x');
check('unknown key id', 401, id: $keyId . 'x');
check('unsigned', 401, signed: false);
check('a member that is no part of it', 401, spelling: fn ($members) => json_encode($members + ['algorithm' => 'none']));
