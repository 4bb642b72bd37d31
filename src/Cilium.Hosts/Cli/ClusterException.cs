using System.Net;

namespace Cilium.Hosts.Cli;

/// <summary>The API server refused.</summary>
/// <param name="status">Its status.</param>
/// <param name="reason">Its words.</param>
internal sealed class ClusterException(HttpStatusCode status, string reason)
    : Exception($"the API server answered {(int)status} {status}: {reason}")
{
    public HttpStatusCode Status { get; } = status;
}
