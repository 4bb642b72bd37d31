using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using k8s;
using k8s.Authentication;

namespace Cilium.Hosts.Cli;

/// <summary>Requests to an API server whose answers are read as plain JSON, so that the program carries no models.</summary>
internal sealed class ClusterConnection : IDisposable
{
    private readonly k8s.Kubernetes _client;
    private readonly ServiceClientCredentials? _credentials;

    public ClusterConnection(KubernetesClientConfiguration configuration)
    {
        configuration.UserAgent = "cilium-cli";
        configuration.HttpClientTimeout = TimeSpan.FromSeconds(30);
        _client = new k8s.Kubernetes(configuration);
        _credentials = k8s.Kubernetes.CreateCredentials(configuration);
    }

    public Task<JsonElement> GetAsync(string path, CancellationToken cancellationToken) => SendAsync(HttpMethod.Get, path, null, cancellationToken);

    /// <summary>The value, or an undefined element if there is no such object or no such kind.</summary>
    public async Task<JsonElement> GetOrNothingAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return await GetAsync(path, cancellationToken);
        }
        catch (ClusterException error) when (error.Status == HttpStatusCode.NotFound)
        {
            return default;
        }
    }

    public Task<JsonElement> MergeAsync(string path, string patch, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Patch, path, patch, cancellationToken);

    public Task<JsonElement> DeleteAsync(string path, CancellationToken cancellationToken) => SendAsync(HttpMethod.Delete, path, null, cancellationToken);

    public void Dispose() => _client.Dispose();

    private async Task<JsonElement> SendAsync(HttpMethod method, string path, string? patch, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, new Uri(_client.BaseUri, path));
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (patch is not null)
        {
            request.Content = new StringContent(patch, Encoding.UTF8);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/merge-patch+json");
        }

        if (_credentials is not null)
        {
            await _credentials.ProcessHttpRequestAsync(request, cancellationToken);
        }

        using var response = await _client.HttpClient.SendAsync(request, cancellationToken);
        var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            throw new ClusterException(response.StatusCode, Reason(body));
        }

        using var document = JsonDocument.Parse(body);
        return document.RootElement.Clone();
    }

    private static string Reason(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.Text("message");
        }
        catch (JsonException)
        {
            // Not a Status object, perhaps a proxy's page: shown as it came.
            return Encoding.UTF8.GetString(body);
        }
    }
}
