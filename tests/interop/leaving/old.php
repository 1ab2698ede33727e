<?php
// Signs as the vendor's sample in PHP: php old.php URL
$dateTime = gmdate("D, d M Y H:i:s T");
$SecretId = getenv('SECRET_ID');
$SecretKey = getenv('SECRET_KEY');
$srcStr = "x-date: ".$dateTime."\n"."source: "."xxxxxx";
$Authen = 'hmac id="'.$SecretId.'", algorithm="hmac-sha1", headers="x-date source", signature="';
$signStr = base64_encode(hash_hmac('sha1', $srcStr, $SecretKey, true));
$Authen = $Authen.$signStr."\"";

$headers = array('Accept:text/html, */*; q=0.01', 'Source: xxxxxx', 'X-Date: '.$dateTime, 'Authorization: '.$Authen);
$options = array('header' => $headers, 'timeout' => 10, 'ignore_errors' => true);
$body = file_get_contents($argv[1], false, stream_context_create(array('http' => $options)));
echo explode(' ', $http_response_header[0])[1], ' ', $body, "\n";
