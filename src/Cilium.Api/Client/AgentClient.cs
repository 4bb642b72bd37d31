using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Cilium.Api;

/// <summary>The agent's REST API over its Unix socket.</summary>
/// <remarks>
/// Thread-safe, and each call is a connection of its own, except for a <see cref="Blocking"/> client. Every method throws
/// <see cref="AgentUnavailableException"/> when nobody answers and <see cref="ApiException"/> when the agent answers with an error.
/// </remarks>
public sealed class AgentClient : IDisposable
{
    /// <summary>Where the socket is unless configured otherwise.</summary>
    public const string DefaultSocketPath = "/var/run/cilium/cilium.sock";

    /// <summary>The environment variable that names the socket, with or without <c>unix://</c> before it.</summary>
    public const string SocketVariable = "CILIUM_SOCK";

    private const int ServiceUnavailable = 503;

    private readonly string _socketPath;
    private readonly BlockingConnection? _blocking;

    /// <summary>Makes a client of one socket; nothing is connected yet.</summary>
    /// <param name="socketPath">Path of the socket, with or without <c>unix://</c> before it.</param>
    public AgentClient(string socketPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(socketPath);
        _socketPath = socketPath.StartsWith("unix://", StringComparison.Ordinal) ? socketPath["unix://".Length..] : socketPath;
    }

    private AgentClient(string socketPath, TimeSpan patience, TimeProvider time, Func<string, IAgentConnection> connect)
        : this(socketPath) => _blocking = new BlockingConnection(_socketPath, connect, patience, time);

    /// <summary>
    /// A client for a process that does nothing else, such as a CNI plugin: requests block the calling thread, so that the process never
    /// starts a thread pool, and returned tasks are complete. Cancellation tokens are not looked at. All requests share one connection: for one
    /// thread.
    /// </summary>
    /// <param name="socketPath">Path of the socket, with or without <c>unix://</c> before it.</param>
    /// <param name="patience">How long all requests together may take from now on; then they throw <see cref="OperationCanceledException"/>.</param>
    /// <param name="time">The clock.</param>
    /// <param name="connect">
    /// Makes a connection to a path, or throws <see cref="IOException"/>; null for one by the framework's socket, with which the framework makes
    /// a poll and a thread.
    /// </param>
    public static AgentClient Blocking(string socketPath, TimeSpan patience, TimeProvider time, Func<string, IAgentConnection>? connect = null)
    {
        ArgumentNullException.ThrowIfNull(time);
        return new(socketPath, patience, time, connect ?? (static path => new SocketConnection(path)));
    }

    /// <summary>The socket.</summary>
    public string SocketPath => _socketPath;

    /// <summary>A client of the socket that the environment names, or of the default one.</summary>
    public static AgentClient FromEnvironment() =>
        new(Environment.GetEnvironmentVariable(SocketVariable) is { Length: > 0 } path ? path : DefaultSocketPath);

    /// <summary><c>GET /healthz</c>, of an agent that is not ready too.</summary>
    public async Task<StatusResponse> GetStatusAsync(bool brief, CancellationToken cancellationToken)
    {
        const string method = "GET", path = "/v1/healthz";
        var (status, answer) = await ExchangeAsync(method, path, default, brief, cancellationToken).ConfigureAwait(false);
        return (status == ServiceUnavailable ? StatusOrNull(answer.Span) : null)
            ?? Read(method, path, Succeeded(method, path, status, answer), ApiJson.Default.StatusResponse);
    }

    /// <summary><c>GET /config</c>.</summary>
    public Task<DaemonConfiguration> GetConfigurationAsync(CancellationToken cancellationToken) =>
        RequestAsync("GET", "/v1/config", default, ApiJson.Default.DaemonConfiguration, cancellationToken);

    /// <summary><c>GET /cluster/nodes</c>.</summary>
    public Task<ClusterNodeStatus> GetNodesAsync(CancellationToken cancellationToken) =>
        RequestAsync("GET", "/v1/cluster/nodes", default, ApiJson.Default.ClusterNodeStatus, cancellationToken);

    /// <summary><c>POST /ipam</c>: takes one address of each family in use, or of one.</summary>
    /// <param name="family"><c>ipv4</c>, <c>ipv6</c>, or empty for all.</param>
    /// <param name="owner">Who gets it: <c>namespace/pod</c>.</param>
    /// <param name="pool">The pool, or empty for the default.</param>
    /// <param name="expiration">True to have the addresses freed unless an endpoint takes them in time.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IpamResponse> AllocateAddressesAsync(
        string family, string owner, string pool, bool expiration, CancellationToken cancellationToken) =>
        RequestAsync(
            "POST",
            $"/v1/ipam?family={Uri.EscapeDataString(family)}&owner={Uri.EscapeDataString(owner)}&pool={Uri.EscapeDataString(pool)}&expiration={(expiration ? "true" : "false")}",
            default,
            ApiJson.Default.IpamResponse,
            cancellationToken);

    /// <summary><c>DELETE /ipam/{ip}</c>: gives an address back, if <paramref name="owner"/> has it; an empty owner is anybody.</summary>
    public Task ReleaseAddressAsync(string address, string owner, CancellationToken cancellationToken) =>
        SendAsync(
            "DELETE",
            $"/v1/ipam/{Uri.EscapeDataString(address)}{(owner.Length > 0 ? "?owner=" + Uri.EscapeDataString(owner) : "")}",
            default,
            cancellationToken);

    /// <summary><c>GET /endpoint</c>.</summary>
    public Task<IReadOnlyList<EndpointModel>> GetEndpointsAsync(CancellationToken cancellationToken) =>
        RequestAsync("GET", "/v1/endpoint", default, ApiJson.Default.IReadOnlyListEndpointModel, cancellationToken);

    /// <summary><c>GET /endpoint/{id}</c>.</summary>
    /// <param name="id">A number, or one with a prefix: <c>container-id:</c>, <c>cni-attachment-id:</c>, <c>pod-name:</c>, <c>ipv4:</c>, ...</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<EndpointModel> GetEndpointAsync(string id, CancellationToken cancellationToken) =>
        RequestAsync("GET", EndpointPath(id), default, ApiJson.Default.EndpointModel, cancellationToken);

    /// <summary><c>GET /endpoint/{id}/healthz</c>.</summary>
    public Task<EndpointHealth> GetEndpointHealthAsync(string id, CancellationToken cancellationToken) =>
        RequestAsync("GET", EndpointPath(id) + "/healthz", default, ApiJson.Default.EndpointHealth, cancellationToken);

    /// <summary><c>GET /endpoint/{id}/rules</c>, which upstream's agent does not have.</summary>
    public Task<PolicyRulesModel> GetEndpointRulesAsync(string id, PolicyRulesQuestion question, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(question);
        return RequestAsync("GET", $"{EndpointPath(id)}/rules?{question.ToQuery()}", default, ApiJson.Default.PolicyRulesModel, cancellationToken);
    }

    /// <summary><c>GET /endpoint/{id}/labels</c>.</summary>
    public Task<LabelConfigurationStatus> GetEndpointLabelsAsync(string id, CancellationToken cancellationToken) =>
        RequestAsync("GET", EndpointPath(id) + "/labels", default, ApiJson.Default.LabelConfigurationStatus, cancellationToken);

    /// <summary><c>GET /endpoint/{id}/log</c>.</summary>
    public Task<IReadOnlyList<EndpointStatusChange>> GetEndpointLogAsync(string id, CancellationToken cancellationToken) =>
        RequestAsync("GET", EndpointPath(id) + "/log", default, ApiJson.Default.IReadOnlyListEndpointStatusChange, cancellationToken);

    /// <summary><c>PUT /endpoint/{id}</c>: creates an endpoint; with sync-build-endpoint it answers when traffic can flow.</summary>
    public Task<EndpointModel> CreateEndpointAsync(EndpointChangeRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        return RequestAsync(
            "PUT",
            EndpointPath(request.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)),
            JsonSerializer.SerializeToUtf8Bytes(request, ApiJson.Default.EndpointChangeRequest),
            ApiJson.Default.EndpointModel,
            cancellationToken);
    }

    /// <summary><c>DELETE /endpoint/{id}</c>: removes one endpoint.</summary>
    public Task DeleteEndpointAsync(string id, CancellationToken cancellationToken) =>
        SendAsync("DELETE", EndpointPath(id), default, cancellationToken);

    /// <summary><c>DELETE /endpoint</c>: removes all endpoints of a sandbox.</summary>
    public Task DeleteEndpointsAsync(EndpointBatchDeleteRequest request, CancellationToken cancellationToken) =>
        SendAsync(
            "DELETE",
            "/v1/endpoint",
            JsonSerializer.SerializeToUtf8Bytes(request, ApiJson.Default.EndpointBatchDeleteRequest),
            cancellationToken);

    /// <summary><c>GET /identity</c>.</summary>
    public Task<IReadOnlyList<IdentityModel>> GetIdentitiesAsync(CancellationToken cancellationToken) =>
        RequestAsync("GET", "/v1/identity", default, ApiJson.Default.IReadOnlyListIdentityModel, cancellationToken);

    /// <summary><c>GET /identity/{id}</c>.</summary>
    public Task<IdentityModel> GetIdentityAsync(string id, CancellationToken cancellationToken) =>
        RequestAsync("GET", $"/v1/identity/{Uri.EscapeDataString(id)}", default, ApiJson.Default.IdentityModel, cancellationToken);

    /// <summary><c>GET /identity/endpoints</c>.</summary>
    public Task<IReadOnlyList<IdentityEndpoints>> GetIdentityEndpointsAsync(CancellationToken cancellationToken) =>
        RequestAsync("GET", "/v1/identity/endpoints", default, ApiJson.Default.IReadOnlyListIdentityEndpoints, cancellationToken);

    /// <summary><c>GET /service</c>.</summary>
    public Task<IReadOnlyList<ServiceModel>> GetServicesAsync(CancellationToken cancellationToken) =>
        RequestAsync("GET", "/v1/service", default, ApiJson.Default.IReadOnlyListServiceModel, cancellationToken);

    /// <summary><c>GET /policy</c>.</summary>
    public Task<PolicyModel> GetPolicyAsync(CancellationToken cancellationToken) =>
        RequestAsync("GET", "/v1/policy", default, ApiJson.Default.PolicyModel, cancellationToken);

    /// <summary><c>GET /policy/selectors</c>.</summary>
    public Task<IReadOnlyList<SelectorIdentityMapping>> GetPolicySelectorsAsync(CancellationToken cancellationToken) =>
        RequestAsync("GET", "/v1/policy/selectors", default, ApiJson.Default.IReadOnlyListSelectorIdentityMapping, cancellationToken);

    /// <summary><c>GET /ip</c>.</summary>
    public Task<IReadOnlyList<IpListEntry>> GetAddressesAsync(CancellationToken cancellationToken) =>
        RequestAsync("GET", "/v1/ip", default, ApiJson.Default.IReadOnlyListIpListEntry, cancellationToken);

    /// <summary><c>GET /metrics/</c>.</summary>
    public Task<IReadOnlyList<Metric>> GetMetricsAsync(CancellationToken cancellationToken) =>
        RequestAsync("GET", "/v1/metrics/", default, ApiJson.Default.IReadOnlyListMetric, cancellationToken);

    /// <summary>Sends any request and returns the answer's bytes; for what has no method of its own.</summary>
    /// <param name="method">The HTTP method.</param>
    /// <param name="path">The path with <c>/v1</c>.</param>
    /// <param name="body">JSON, or empty.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<ReadOnlyMemory<byte>> SendAsync(string method, string path, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        SendAsync(method, path, body, brief: false, cancellationToken);

    /// <summary>Closes the connection that a <see cref="Blocking"/> client keeps; others keep none.</summary>
    public void Dispose() => _blocking?.Dispose();

    private static string EndpointPath(string id) => $"/v1/endpoint/{Uri.EscapeDataString(id)}";

    private async Task<T> RequestAsync<T>(
        string method, string path, ReadOnlyMemory<byte> body, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        Read(method, path, await SendAsync(method, path, body, brief: false, cancellationToken).ConfigureAwait(false), type);

    private async Task<ReadOnlyMemory<byte>> SendAsync(
        string method, string path, ReadOnlyMemory<byte> body, bool brief, CancellationToken cancellationToken)
    {
        var (status, answer) = await ExchangeAsync(method, path, body, brief, cancellationToken).ConfigureAwait(false);
        return Succeeded(method, path, status, answer);
    }

    private async Task<(int Status, ReadOnlyMemory<byte> Answer)> ExchangeAsync(
        string method, string path, ReadOnlyMemory<byte> body, bool brief, CancellationToken cancellationToken) => _blocking is null
        ? await UnixHttpConnection.SendAsync(_socketPath, method, path, body, brief, cancellationToken).ConfigureAwait(false)
        : _blocking.Send(method, path, body, brief);

    private static ReadOnlyMemory<byte> Succeeded(string method, string path, int status, ReadOnlyMemory<byte> answer) =>
        status is >= 200 and < 300 ? answer : throw new ApiException($"{method} {path}", status, ReasonOf(answer.Span));

    private static T Read<T>(string method, string path, ReadOnlyMemory<byte> answer, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(answer.Span, type) ?? throw new ApiException($"{method} {path}", 200, "the answer is null");
        }
        catch (JsonException exception)
        {
            throw new ApiException($"{method} {path}", 200, $"the answer cannot be read: {exception.Message}");
        }
    }

    // An agent that is not ready says so by the code and by its status, of which the agent's own part is never missing.
    private static StatusResponse? StatusOrNull(ReadOnlySpan<byte> answer)
    {
        try
        {
            return JsonSerializer.Deserialize(answer, ApiJson.Default.StatusResponse) is { Cilium: not null } status ? status : null;
        }
        catch (JsonException)
        {
            // The reason why is a text then, as with other errors.
            return null;
        }
    }

    private static string ReasonOf(ReadOnlySpan<byte> body)
    {
        // Errors are a JSON string, as upstream's API has it; anything else is shown as it came.
        try
        {
            return JsonSerializer.Deserialize(body, ApiJson.Default.String) ?? "";
        }
        catch (JsonException)
        {
            return System.Text.Encoding.UTF8.GetString(body);
        }
    }
}
