namespace Cilium.Api;

/// <summary>The agent answered a request with an error.</summary>
public sealed class ApiException(string request, int statusCode, string reason)
    : Exception($"{request}: the agent answered {statusCode}{(reason.Length == 0 ? "" : ": " + reason)}")
{
    /// <summary>The HTTP status.</summary>
    public int StatusCode { get; } = statusCode;

    /// <summary>The agent's own words.</summary>
    public string Reason { get; } = reason;
}

/// <summary>Nobody answers on the agent's socket: it is not running, or not yet.</summary>
public sealed class AgentUnavailableException(string socketPath, string reason, Exception? cause = null)
    : Exception($"the agent does not answer on {socketPath}: {reason}", cause);
