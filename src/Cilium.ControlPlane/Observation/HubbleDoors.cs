using Cilium.ControlPlane.Serving;
using Cilium.Hubble.Observing;
using Cilium.Hubble.Serving;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Observation;

/// <summary>Hubble's services on the agent's web server: on their Unix socket and, if configured, on TCP.</summary>
internal sealed class HubbleDoors(WebServer web, FlowObserver observer, PeerDirectory peers, ILoggerFactory loggers) : IAsyncDisposable
{
    private readonly List<WebDoor> _doors = [];

    /// <summary>Binds both and begins to answer.</summary>
    /// <remarks>The socket is served even when TCP is refused.</remarks>
    /// <exception cref="IOException">An address is taken, or TLS lacks a file.</exception>
    /// <exception cref="FormatException">The configured address is none.</exception>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        var options = observer.Options;
        var answer = HubblePipeline.Build(observer, peers, loggers);
        _doors.Add(await web.OpenUnixAsync(options.SocketPath, answer, isHttp2: true, cancellationToken).ConfigureAwait(false));
        if (options.ListenAddress.Length != 0)
        {
            var address = HubbleServer.ParseListenAddress(options.ListenAddress);
            // Anybody can reach it, and whoever follows flows stays.
            var door = WebDoorOptions.ForStrangers with
            {
                IsHttp2 = true,
                Lifetime = Timeout.InfiniteTimeSpan,
                Tls = options.DisableTls ? null : new HubbleTls(options, loggers.CreateLogger<HubbleTls>()),
            };
            _doors.Add(await web.OpenAsync(address, answer, door, cancellationToken).ConfigureAwait(false));
        }
    }

    /// <summary>Stops answering.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var door in _doors)
        {
            await door.DisposeAsync().ConfigureAwait(false);
        }

        _doors.Clear();
    }
}
