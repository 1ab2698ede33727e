import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.text.SimpleDateFormat;
import java.util.Base64;
import java.util.Date;
import java.util.Locale;
import java.util.TimeZone;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Signs as the vendor's sample in Java: java Old.java URL */
public class Old {
    static String sign(String secretId, String secretKey, String date, String source) throws Exception {
        String signStr = "date: " + date + "\n" + "source: " + source;
        Mac mac = Mac.getInstance("HmacSHA1");
        mac.init(new SecretKeySpec(secretKey.getBytes(StandardCharsets.UTF_8), mac.getAlgorithm()));
        String sig = Base64.getEncoder().encodeToString(mac.doFinal(signStr.getBytes(StandardCharsets.UTF_8)));
        return "hmac id=\"" + secretId + "\", algorithm=\"hmac-sha1\", headers=\"date source\", signature=\"" + sig + "\"";
    }

    public static void main(String[] arguments) throws Exception {
        SimpleDateFormat format = new SimpleDateFormat("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US);
        format.setTimeZone(TimeZone.getTimeZone("GMT"));
        String date = format.format(new Date());
        HttpURLConnection connection = (HttpURLConnection) URI.create(arguments[0]).toURL().openConnection();
        connection.setConnectTimeout(10_000);
        connection.setReadTimeout(10_000);
        connection.setRequestProperty("Date", date);
        connection.setRequestProperty("Source", "xxxxxx");
        connection.setRequestProperty("Authorization",
            sign(System.getenv("SECRET_ID"), System.getenv("SECRET_KEY"), date, "xxxxxx"));
        int status = connection.getResponseCode();
        try (InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            System.out.println(status + " " + new String(body.readAllBytes(), StandardCharsets.UTF_8));
        }
    }
}
