using System.Globalization;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;

namespace Cilium.Lab.Workloads;

/// <summary>What each of the lab's web servers answers.</summary>
internal sealed class ServerPages(string hostName, IReadOnlyDictionary<string, string> environment, IReadOnlyList<string> arguments)
{
    private const string Html = "text/html";
    private const string Text = "text/plain; charset=utf-8";
    private const string JsonType = "application/json; charset=utf-8";

    private const string NginxWelcome = """
        <!DOCTYPE html>
        <html>
        <head>
        <title>Welcome to nginx!</title>
        </head>
        <body>
        <h1>Welcome to nginx!</h1>
        <p>This page is served by the lab's stand-in for the nginx image.</p>
        <p><em>Thank you for using nginx.</em></p>
        </body>
        </html>

        """;

    /// <summary>The answers of a server by its name, or null when there is none of that name.</summary>
    public Func<HttpRequest, HttpResponse>? Find(string server) => server switch
    {
        "nginx" => Nginx,
        "httpd" => Httpd,
        "echo" => Echo,
        "http-echo" => HttpEcho,
        "agnhost" => Agnhost,
        "podinfo" => PodInfo,
        "outside" => Outside,
        _ => null,
    };

    private static HttpResponse Nginx(HttpRequest request) => request.Path switch
    {
        "/" or "/index.html" => new(200, Html, NginxWelcome, "nginx/1.29.0"),
        "/50x.html" => new(200, Html, "<!DOCTYPE html>\n<html>\n<head>\n<title>Error</title>\n</head>\n<body>\n<h1>An error occurred.</h1>\n</body>\n</html>\n", "nginx/1.29.0"),
        _ => new(404, Html, "<html>\n<head><title>404 Not Found</title></head>\n<body>\n<center><h1>404 Not Found</h1></center>\n</body>\n</html>\n", "nginx/1.29.0"),
    };

    private static HttpResponse Httpd(HttpRequest request) => request.Path is "/" or "/index.html"
        ? new(200, Html, "<html><body><h1>It works!</h1></body></html>\n", "Apache/2.4.65 (Unix)")
        : new(404, Html, "<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>\n", "Apache/2.4.65 (Unix)");

    private HttpResponse Echo(HttpRequest request)
    {
        var headers = new JsonObject();
        foreach (var (name, value) in request.Headers) headers[name.ToLowerInvariant()] = value;
        var variables = new JsonObject();
        foreach (var (name, value) in environment) variables[name] = value;
        var query = new JsonObject();
        foreach (var pair in request.Query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = pair.Split('=', 2);
            query[Uri.UnescapeDataString(parts[0])] = parts.Length > 1 ? Uri.UnescapeDataString(parts[1]) : "";
        }

        var document = new JsonObject
        {
            ["host"] = new JsonObject { ["hostname"] = Header(request, "host"), ["ip"] = request.Client.Address.ToString(), ["ips"] = new JsonArray() },
            ["http"] = new JsonObject { ["method"] = request.Method, ["baseUrl"] = "", ["originalUrl"] = request.Path, ["protocol"] = "http" },
            ["request"] = new JsonObject { ["params"] = new JsonObject { ["0"] = request.Path }, ["query"] = query, ["cookies"] = new JsonObject(), ["body"] = request.Body, ["headers"] = headers },
            ["environment"] = variables,
        };
        return new(200, JsonType, document.ToJsonString());
    }

    private HttpResponse HttpEcho(HttpRequest request) => new(200, Text, (Option("text") ?? "hello-world") + "\n");

    private HttpResponse Agnhost(HttpRequest request) => request.Path switch
    {
        "/hostname" or "/hostName" => new(200, Text, hostName),
        "/clientip" => new(200, Text, request.Client.ToString()),
        "/echo" => new(200, Text, request.Query.Split('&').Where(pair => pair.StartsWith("msg=", StringComparison.Ordinal)).Select(pair => Uri.UnescapeDataString(pair[4..])).FirstOrDefault("")),
        "/header" => new(200, Text, Header(request, request.Query.Split('=').Last())),
        _ => new(200, Text, $"NOW: {request.Path}"),
    };

    private HttpResponse PodInfo(HttpRequest request) => request.Path switch
    {
        "/healthz" or "/readyz" => new(200, JsonType, "{\"status\":\"OK\"}"),
        "/version" => new(200, JsonType, "{\"commit\":\"lab\",\"version\":\"6.9.2\"}"),
        "/env" => new(200, JsonType, environment.Select(pair => $"{pair.Key}={pair.Value}").ToJsonTexts().ToJsonString()),
        "/headers" => new(200, JsonType, new JsonArray([.. request.Headers.Select(header => (JsonNode?)$"{header.Key}: {header.Value}")]).ToJsonString()),
        "/" or "/api/info" => new(200, JsonType, $$"""
            {
              "hostname": "{{hostName}}",
              "version": "6.9.2",
              "revision": "lab",
              "color": "#34577c",
              "logo": "",
              "message": "greetings from podinfo v6.9.2",
              "goos": "linux",
              "goarch": "amd64",
              "runtime": "lab",
              "num_goroutine": "1",
              "num_cpu": "{{Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)}}"
            }

            """),
        _ => new(404, JsonType, "{\"code\":404,\"message\":\"not found\"}"),
    };

    /// <summary>The world outside the cluster: tells callers how it sees them.</summary>
    private static HttpResponse Outside(HttpRequest request) => new(200, Text, $"you are {request.Client.Address}\n");

    private static string Header(HttpRequest request, string name) =>
        request.Headers.FirstOrDefault(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value ?? "";

    private string? Option(string name) => Options.Value(arguments, name);
}
