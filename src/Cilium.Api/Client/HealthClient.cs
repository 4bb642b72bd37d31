using System.Text.Json;

namespace Cilium.Api;

/// <summary>The API of the health socket: which nodes the agent's node reaches.</summary>
/// <remarks>
/// Thread-safe; each call is a connection of its own. Every method throws <see cref="AgentUnavailableException"/> when nobody answers and
/// <see cref="ApiException"/> when the answer is an error.
/// </remarks>
public sealed class HealthClient
{
    /// <summary>Where the socket is unless configured otherwise.</summary>
    public const string DefaultSocketPath = "/var/run/cilium/health.sock";

    /// <summary>The environment variable that names the socket, with or without <c>unix://</c> before it.</summary>
    public const string SocketVariable = "CILIUM_HEALTH_SOCK";

    private readonly string _socketPath;

    /// <summary>Makes a client of one socket; nothing is connected yet.</summary>
    /// <param name="socketPath">Path of the socket, with or without <c>unix://</c> before it.</param>
    public HealthClient(string socketPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(socketPath);
        _socketPath = socketPath.StartsWith("unix://", StringComparison.Ordinal) ? socketPath["unix://".Length..] : socketPath;
    }

    /// <summary>A client of the socket that the environment names, or of the one beside an agent's.</summary>
    /// <param name="agent">The agent.</param>
    public static HealthClient Beside(AgentClient agent)
    {
        ArgumentNullException.ThrowIfNull(agent);
        return new(Environment.GetEnvironmentVariable(SocketVariable) is { Length: > 0 } path
            ? path
            : Path.Combine(Path.GetDirectoryName(agent.SocketPath) ?? "", Path.GetFileName(DefaultSocketPath)));
    }

    /// <summary><c>GET /status</c>: what the last round of probes found.</summary>
    public Task<HealthStatusResponse> GetStatusAsync(CancellationToken cancellationToken) => RequestAsync("GET", "/v1beta/status", cancellationToken);

    /// <summary><c>PUT /status/probe</c>: probes all nodes now and answers when that is done.</summary>
    public Task<HealthStatusResponse> ProbeAsync(CancellationToken cancellationToken) => RequestAsync("PUT", "/v1beta/status/probe", cancellationToken);

    private async Task<HealthStatusResponse> RequestAsync(string method, string path, CancellationToken cancellationToken)
    {
        var (status, answer) = await UnixHttpConnection.SendAsync(_socketPath, method, path, default, brief: false, cancellationToken).ConfigureAwait(false);
        if (status is < 200 or >= 300)
        {
            throw new ApiException($"{method} {path}", status, System.Text.Encoding.UTF8.GetString(answer.Span));
        }

        try
        {
            return JsonSerializer.Deserialize(answer.Span, ApiJson.Default.HealthStatusResponse) ?? throw new ApiException($"{method} {path}", status, "the answer is null");
        }
        catch (JsonException exception)
        {
            throw new ApiException($"{method} {path}", status, $"the answer cannot be read: {exception.Message}");
        }
    }
}
