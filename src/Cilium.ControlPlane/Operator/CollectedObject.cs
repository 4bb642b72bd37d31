using System.Net;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Operator;

/// <summary>What a collector does to one object: one that the server keeps must not keep those behind it, at every look.</summary>
internal static partial class CollectedObject
{
    /// <summary>Does it; a refusal is told.</summary>
    /// <returns>What was done, or null when the server refused it.</returns>
    /// <exception cref="KubernetesException">The server has no time for any object.</exception>
    public static async Task<bool?> TryAsync(string kind, string name, Func<Task<bool>> work, ILogger logger)
    {
        try
        {
            return await work();
        }
        catch (KubernetesException exception) when (exception.Status is not (HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable))
        {
            LogKept(logger, kind, name, exception.Message);
            return null;
        }
    }

    [LoggerMessage(10, LogLevel.Warning, "Cannot collect the {Kind} {Name}; it is tried again: {Reason}")]
    private static partial void LogKept(ILogger logger, string kind, string name, string reason);
}
