using System.Text.Json;
using Cilium.Kubernetes;

namespace Cilium.Hosts.Cli;

/// <summary>Objects of a cluster as plain JSON: the program carries no models.</summary>
internal sealed class ClusterConnection(KubernetesConnection connection) : IDisposable
{
    /// <summary>The connection below, for what the libraries read and write by themselves.</summary>
    public KubernetesConnection Kubernetes => connection;

    public Task<JsonElement> GetAsync(string path, CancellationToken cancellationToken) =>
        connection.SendJsonAsync(HttpMethod.Get, path, null, cancellationToken);

    /// <summary>The value, or an undefined element if there is no such object or no such kind.</summary>
    public async Task<JsonElement> GetOrNothingAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return await GetAsync(path, cancellationToken);
        }
        catch (KubernetesException error) when (error.IsNotFound)
        {
            return default;
        }
    }

    public Task<JsonElement> MergeAsync(string path, string patch, CancellationToken cancellationToken) =>
        connection.SendJsonAsync(HttpMethod.Patch, path, patch, cancellationToken);

    public Task<JsonElement> DeleteAsync(string path, CancellationToken cancellationToken) =>
        connection.SendJsonAsync(HttpMethod.Delete, path, null, cancellationToken);

    public void Dispose() => connection.Dispose();
}
