import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;

/** Hashes the secrets in the arguments, and prints rows of form, secret and hash, with tabs between. */
class Hashes {
  public static void main(String[] secrets) throws Exception {
    byte[] salt = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
    for (String secret : secrets) {
      byte[] spring = derive("SHA256", secret, salt, 310_000, 32);
      print("pbkdf2-spring-5.8", secret, "{pbkdf2@SpringSecurity_v5_8}" + hex(salt) + hex(spring));
      for (String digest : List.of("SHA256", "SHA512")) {
        byte[] sum = derive(digest, secret, salt, 1234, 32);
        String name = digest.toLowerCase();
        print("pbkdf2-phc", secret, "$pbkdf2-" + name + "$i=1234,l=32$" + base64(salt) + "$" + base64(sum));
      }
      byte[] sum = derive("SHA1", secret, salt, 1234, 20);
      print("pbkdf2-passlib", secret, "$pbkdf2$1234$" + base64(salt) + "$" + base64(sum).replace('+', '.'));
    }
  }

  static byte[] derive(String digest, String secret, byte[] salt, int rounds, int length) throws Exception {
    PBEKeySpec spec = new PBEKeySpec(secret.toCharArray(), salt, rounds, length * 8);
    return SecretKeyFactory.getInstance("PBKDF2WithHmac" + digest).generateSecret(spec).getEncoded();
  }

  static String base64(byte[] bytes) {
    return Base64.getEncoder().withoutPadding().encodeToString(bytes);
  }

  static String hex(byte[] bytes) {
    StringBuilder text = new StringBuilder();
    for (byte each : bytes) text.append(String.format("%02x", each));
    return text.toString();
  }

  static void print(String... columns) {
    System.out.println(String.join("\t", columns));
  }
}
