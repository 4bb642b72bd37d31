using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Cilium.Core;

namespace Cilium.ControlPlane.Health;

/// <summary>Asks one address whether it answers. A seam: the network.</summary>
internal interface IHealthProbe
{
    /// <summary>Sends an echo request; null when it was answered, else what went wrong.</summary>
    Task<string?> EchoAsync(IpAddr address, CancellationToken cancellationToken);

    /// <summary>Asks the agent behind the address; null when it was answered, else what went wrong.</summary>
    Task<string?> HelloAsync(IpAddr address, CancellationToken cancellationToken);
}

/// <summary>Probes from the node's own namespace: by ICMP, and by HTTP over a connection of its own each time.</summary>
/// <param name="port">The port of all agents (<c>cluster-health-port</c>).</param>
/// <param name="patience">How long one answer may take.</param>
internal sealed class HealthProbe(int port, TimeSpan patience) : IHealthProbe, IDisposable
{
    /// <summary>What is asked for.</summary>
    public const string Path = "/hello";

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        ConnectTimeout = patience,
        // A connection that is there already would say nothing of new ones.
        PooledConnectionLifetime = TimeSpan.Zero,
        ActivityHeadersPropagator = null,
        MaxResponseHeadersLength = 4,
    });

    public async Task<string?> EchoAsync(IpAddr address, CancellationToken cancellationToken)
    {
        using var ping = new Ping();
        try
        {
            var reply = await ping.SendPingAsync(address.ToIPAddress(), patience, cancellationToken: cancellationToken).ConfigureAwait(false);
            return reply.Status == IPStatus.Success ? null : $"echo request: {reply.Status}";
        }
        catch (Exception exception) when (exception is PingException or PlatformNotSupportedException or SocketException)
        {
            return $"echo request: {(exception.InnerException ?? exception).Message}";
        }
    }

    public async Task<string?> HelloAsync(IpAddr address, CancellationToken cancellationToken)
    {
        using var patient = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patient.CancelAfter(patience);
        var url = string.Create(CultureInfo.InvariantCulture, $"http://{(address.IsIPv4 ? address.ToString() : $"[{address}]")}:{port}{Path}");
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            using var answer = await _http.SendAsync(request, patient.Token).ConfigureAwait(false);
            return answer.StatusCode == HttpStatusCode.OK ? null : string.Create(CultureInfo.InvariantCulture, $"GET {url}: {(int)answer.StatusCode}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return string.Create(CultureInfo.InvariantCulture, $"GET {url}: no answer within {patience.TotalSeconds} s");
        }
        catch (HttpRequestException exception)
        {
            return $"GET {url}: {exception.Message}";
        }
    }

    public void Dispose() => _http.Dispose();
}
