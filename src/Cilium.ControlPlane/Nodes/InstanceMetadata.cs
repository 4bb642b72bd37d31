using System.Net;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Nodes;

/// <summary>What an EC2 instance says of itself: version 2 of the instance metadata service, with its session tokens.</summary>
/// <remarks>Source: "Use the Instance Metadata Service to access instance metadata" in the EC2 user guide.</remarks>
internal sealed partial class InstanceMetadata : IDisposable
{
    private const string TokenHeader = "X-aws-ec2-metadata-token";
    private const string LifetimeHeader = "X-aws-ec2-metadata-token-ttl-seconds";
    private const int LifetimeSeconds = 21600;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(10);
    private readonly TimeSpan _patience;
    private readonly HttpClient _client;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private string _token = "";

    /// <summary>Makes a client.</summary>
    /// <param name="endpoint">The service's URL, without a path.</param>
    /// <param name="time">The clock of waits.</param>
    /// <param name="logger">Where to tell of failures.</param>
    /// <param name="patience">How long to wait for an answer: two seconds unless said.</param>
    public InstanceMetadata(string endpoint, TimeProvider time, ILogger<InstanceMetadata> logger, TimeSpan? patience = null)
    {
        _patience = patience ?? s_patience;
        // The service is on the link: no proxy knows a way to it.
        _client = new HttpClient(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = _patience }) { BaseAddress = new Uri(endpoint), Timeout = _patience };
        _time = time;
        _logger = logger;
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    /// <summary>Reads what the instance is, trying until it is told.</summary>
    /// <param name="settings">What is not the instance's to say.</param>
    /// <param name="cancellationToken">Ends the attempts.</param>
    public async Task<NodeInstance> ReadAsync(NodeInstance settings, CancellationToken cancellationToken)
    {
        var wait = TimeSpan.FromMilliseconds(250);
        while (true)
        {
            try
            {
                return await TryReadAsync(settings, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is HttpRequestException or IOException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                LogFailed(_logger, _client.BaseAddress!, exception is OperationCanceledException ? $"no answer within {_patience}" : exception.Message);
            }

            await Task.Delay(wait, _time, cancellationToken).ConfigureAwait(false);
            wait = wait * 2 < s_longestWait ? wait * 2 : s_longestWait;
        }
    }

    private async Task<NodeInstance> TryReadAsync(NodeInstance settings, CancellationToken cancellationToken)
    {
        var mac = await GetAsync("mac", cancellationToken).ConfigureAwait(false);
        return settings with
        {
            Id = await GetAsync("instance-id", cancellationToken).ConfigureAwait(false),
            Type = await GetAsync("instance-type", cancellationToken).ConfigureAwait(false),
            Zone = await GetAsync("placement/availability-zone", cancellationToken).ConfigureAwait(false),
            Network = await GetAsync($"network/interfaces/macs/{mac}/vpc-id", cancellationToken).ConfigureAwait(false),
            SubnetId = await GetAsync($"network/interfaces/macs/{mac}/subnet-id", cancellationToken).ConfigureAwait(false),
        };
    }

    private async Task<string> GetAsync(string name, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (_token.Length == 0)
            {
                _token = await NewTokenAsync(cancellationToken).ConfigureAwait(false);
            }

            using var request = new HttpRequestMessage(HttpMethod.Get, $"/latest/meta-data/{name}");
            request.Headers.Add(TokenHeader, _token);
            using var answer = await _client.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (answer.StatusCode == HttpStatusCode.Unauthorized && attempt == 1)
            {
                // The token has run out, or the service was started anew.
                _token = "";
                continue;
            }

            answer.EnsureSuccessStatusCode();
            return (await answer.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false)).Trim();
        }
    }

    private async Task<string> NewTokenAsync(CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "/latest/api/token");
        request.Headers.Add(LifetimeHeader, LifetimeSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture));
        using var answer = await _client.SendAsync(request, cancellationToken).ConfigureAwait(false);
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false)).Trim();
    }

    [LoggerMessage(1, LogLevel.Warning, "The instance metadata service at {Endpoint} does not answer, trying again: {Reason}")]
    private static partial void LogFailed(ILogger logger, Uri endpoint, string reason);
}
