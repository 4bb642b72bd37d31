using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Cilium.Kubernetes.Wire;
using k8s;

namespace Cilium.Kubernetes;

/// <summary>The way to one API server: address, trust, credentials and the health of the way itself.</summary>
/// <remarks>Thread-safe. Requests of all reflectors and writers share it.</remarks>
public sealed class KubernetesConnection : IDisposable
{
    private readonly HttpClient _client;
    private readonly ApiCredentials? _credentials;
    private readonly bool _ownsClient;
    private readonly Uri _server;
    private readonly TimeSpan _requestTimeout;
    private readonly TimeProvider _time;
    private string? _error;

    /// <summary>Makes a connection over a client of the caller's; disposing it leaves the client.</summary>
    /// <param name="client">Sends the requests; its timeout should be infinite, since watches are long.</param>
    /// <param name="server">The server's root.</param>
    /// <param name="requestTimeout">Longest wait for the answer to a request other than a watch.</param>
    /// <param name="time">The clock.</param>
    public KubernetesConnection(HttpClient client, Uri server, TimeSpan requestTimeout, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(time);
        _client = client;
        _server = server.AbsoluteUri.EndsWith('/') ? server : new Uri(server.AbsoluteUri + "/");
        _requestTimeout = requestTimeout;
        _time = time;
    }

    private KubernetesConnection(HttpClient client, ApiCredentials? credentials, Uri server, TimeSpan requestTimeout, TimeProvider time)
        : this(client, server, requestTimeout, time)
    {
        _ownsClient = true;
        _credentials = credentials;
    }

    /// <summary>The clock that times out requests.</summary>
    public TimeProvider Time => _time;

    /// <summary>The server's root.</summary>
    public Uri Server => _server;

    /// <summary>
    /// Whether the server's certificate is judged by the roots of the system, for want of authorities in the configuration; false also when it is not
    /// judged at all, and for a client of the caller's.
    /// </summary>
    public bool UsesSystemRoots { get; private init; }

    /// <summary>Why the last request got no answer from the server, or null when it got one (whatever it was).</summary>
    public string? UnreachableReason => Volatile.Read(ref _error);

    /// <summary>Reads the configuration and prepares the connection; nothing is sent yet.</summary>
    /// <exception cref="InvalidOperationException">There is no usable configuration; the message says which file or variable.</exception>
    public static KubernetesConnection Open(KubernetesConnectionOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> paths = options.KubeconfigPaths.Count > 0 ? options.KubeconfigPaths : options.KubeconfigPath is { Length: > 0 } path ? [path] : [];
        KubernetesClientConfiguration configuration;
        try
        {
            configuration = paths.Count switch
            {
                0 => KubernetesClientConfiguration.InClusterConfig(),
                1 => KubernetesClientConfiguration.BuildConfigFromConfigFile(new FileInfo(paths[0]), options.Context),
                _ => MergedKubeconfig.Read(paths, options.Context),
            };
        }
        catch (Exception exception)
        {
            // The library lets through whatever its YAML and certificate readers throw, and stumbles over a file without content.
            var source = paths.Count > 0 ? $"kubeconfig {string.Join(", ", paths)}" : "service account of the pod";
            var reason = exception is NullReferenceException ? "it holds no configuration" : exception.Message.ReplaceLineEndings(" ");
            throw new InvalidOperationException($"no way to the API server from the {source}: {reason}", exception);
        }

        if (options.ServerUrl is { Length: > 0 } url)
        {
            configuration.Host = url;
        }

        // The client library's own Kubernetes class would bring every model of the API into a native binary; its configuration is all we take.
        var client = new HttpClient(ApiTransport.CreateHandler(configuration)) { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.ParseAdd(options.UserAgent);
        return new KubernetesConnection(client, ApiCredentials.Of(configuration), new Uri(configuration.Host), options.RequestTimeout, time)
        {
            UsesSystemRoots = !configuration.SkipTlsVerify && configuration.SslCaCerts is not { Count: > 0 },
        };
    }

    /// <summary>True when <c>/healthz</c> of the server answers.</summary>
    public async Task<bool> IsServerHealthyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var body = await SendAsync(HttpMethod.Get, "healthz", default, null, cancellationToken);
            return true;
        }
        catch (Exception exception) when (exception is HttpRequestException or TimeoutException or IOException)
        {
            return false;
        }
        catch (KubernetesException exception)
        {
            // An answer without the right to read /healthz still is a living server.
            return exception.Status is HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized;
        }
    }

    /// <summary>Sends a request outside the typed kinds and returns the answer as plain JSON.</summary>
    /// <param name="method">The method.</param>
    /// <param name="pathAndQuery">The path below the server's root, without a leading slash.</param>
    /// <param name="body">What to send: a JSON merge patch (RFC 7386) with PATCH, else plain JSON; null for nothing.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="KubernetesException">The server refused.</exception>
    /// <exception cref="HttpRequestException">The server does not answer.</exception>
    /// <exception cref="TimeoutException">It did not answer in time.</exception>
    public async Task<JsonElement> SendJsonAsync(HttpMethod method, string pathAndQuery, string? body, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(method);
        ArgumentNullException.ThrowIfNull(pathAndQuery);
        var bytes = body is null ? default : Encoding.UTF8.GetBytes(body).AsMemory();
        using var answer = await SendAsync(
            method, pathAndQuery, bytes, method == HttpMethod.Patch ? "application/merge-patch+json" : "application/json", cancellationToken);
        var reader = new Utf8JsonReader(answer.Span);
        return JsonElement.ParseValue(ref reader);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ownsClient)
        {
            _client.Dispose();
        }
    }

    /// <summary>Sends a request and reads the whole answer.</summary>
    internal Task<ApiBody> SendAsync(
        HttpMethod method, string pathAndQuery, ReadOnlyMemory<byte> body, string? contentType, CancellationToken cancellationToken) =>
        SendAsync(method, pathAndQuery, body, contentType, ApiBody.ReadAsync, cancellationToken);

    /// <summary>Asks for a list, or a page of one, and hands out its items while it arrives.</summary>
    /// <returns>The list's metadata.</returns>
    /// <exception cref="JsonException">It is no list; items may have been handed out before.</exception>
    internal Task<ListMetaWire> ListAsync(string pathAndQuery, ListReader.ItemHandler onItem, CancellationToken cancellationToken) =>
        SendAsync(
            HttpMethod.Get,
            pathAndQuery,
            default,
            null,
            async (content, token) =>
            {
                var stream = await content.ReadAsStreamAsync(token);
                await using (stream)
                {
                    return await new ListReader(onItem).ReadAsync(stream, token);
                }
            },
            cancellationToken);

    private async Task<T> SendAsync<T>(
        HttpMethod method,
        string pathAndQuery,
        ReadOnlyMemory<byte> body,
        string? contentType,
        Func<HttpContent, CancellationToken, Task<T>> read,
        CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(_requestTimeout, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            using var response = await SendCoreAsync(method, pathAndQuery, body, contentType, linked.Token);
            return await read(response.Content, linked.Token);
        }
        catch (OperationCanceledException exception) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            var text = $"{method} {pathAndQuery}: no answer from {_server} within {_requestTimeout}";
            Volatile.Write(ref _error, text);
            throw new TimeoutException(text, exception);
        }
    }

    /// <summary>Sends a request and returns once the headers are there; the caller reads the stream and disposes the response.</summary>
    internal Task<HttpResponseMessage> OpenStreamAsync(string pathAndQuery, CancellationToken cancellationToken) =>
        SendCoreAsync(HttpMethod.Get, pathAndQuery, default, null, cancellationToken);

    private async Task<HttpResponseMessage> SendCoreAsync(
        HttpMethod method, string pathAndQuery, ReadOnlyMemory<byte> body, string? contentType, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, new Uri(_server, pathAndQuery))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (!body.IsEmpty)
        {
            request.Content = new ReadOnlyMemoryContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(contentType ?? "application/json");
        }

        HttpResponseMessage response;
        try
        {
            if (_credentials is not null)
            {
                request.Headers.Authorization = await _credentials.HeaderAsync(cancellationToken);
            }

            response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (HttpRequestException exception)
        {
            Volatile.Write(ref _error, $"{_server}: {exception.Message}");
            throw;
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            // The transport tells a connection that took too long as a cancellation; nobody has cancelled.
            var text = $"{_server}: {(exception.InnerException ?? exception).Message}";
            Volatile.Write(ref _error, text);
            throw new HttpRequestException(HttpRequestError.ConnectionError, text, exception);
        }
        catch (Exception exception) when (exception is k8s.Exceptions.KubeConfigException or UnauthorizedAccessException)
        {
            // A token that cannot be had now, by a plugin or from a file, may be there at the next attempt.
            var text = $"{_server}: no credentials: {exception.Message}";
            Volatile.Write(ref _error, text);
            throw new HttpRequestException(HttpRequestError.UserAuthenticationError, text, exception);
        }

        Volatile.Write(ref _error, null);
        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw await RefusalAsync($"{method} /{pathAndQuery}", response, cancellationToken);
        }
    }

    private static async Task<KubernetesException> RefusalAsync(string request, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        using var body = await ApiBody.ReadAsync(response.Content, cancellationToken);
        try
        {
            var status = JsonSerializer.Deserialize(body.Span, WireJson.Default.StatusWire);
            return new KubernetesException(request, response.StatusCode, status?.Reason ?? "", status?.Message ?? "");
        }
        catch (JsonException)
        {
            // A proxy in between answers in HTML: the HTTP status alone has to do.
            return new KubernetesException(request, response.StatusCode, "", response.ReasonPhrase ?? "");
        }
    }
}
