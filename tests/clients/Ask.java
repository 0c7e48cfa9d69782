import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;

/** Asks as Java's standard client does by default: it offers HTTP/2 in an Upgrade. */
class Ask {
    public static void main(String[] given) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest.BodyPublisher body = HttpRequest.BodyPublishers.ofFile(Path.of(given[1]));
        HttpRequest request = HttpRequest.newBuilder(URI.create(given[0] + "/predict"))
            .header("Content-Type", "application/json")
            .POST(body)
            .build();
        for (int turn = 0; turn < 2; turn++) { // the second on the connection of the first
            HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new IllegalStateException(answer.statusCode() + " " + answer.body());
            }
            System.out.println(answer.body());
        }
    }
}
