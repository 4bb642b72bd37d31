using System.Threading.Channels;
using Cilium.Bpf;
using Cilium.Core;
using Cilium.Datapath.Kernel;
using Microsoft.Extensions.Logging;

namespace Cilium.Datapath.Endpoints;

/// <summary>
/// The programs on pods' devices: attached at once by filters, so that a pod does not wait, and turned into pinned links when no pod
/// has come for a moment. Safe for use from many threads.
/// </summary>
internal sealed partial class PodLinks : IDisposable
{
    private const string FromContainer = "cil_from_container";
    private const string ToContainer = "cil_to_container";
    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(250);

    private readonly LoadedDatapath _loaded;
    private readonly LinkAttacher _attacher;
    private readonly PinPaths _paths;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly Dictionary<EndpointId, int> _attached = [];
    private readonly Channel<EndpointId> _unsettled = Channel.CreateUnbounded<EndpointId>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private int _arrivals;

    internal PodLinks(LoadedDatapath loaded, LinkAttacher attacher, PinPaths paths, TimeProvider time, ILogger logger)
    {
        _loaded = loaded;
        _attacher = attacher;
        _paths = paths;
        _time = time;
        _logger = logger;
        _loop = Task.Run(SettleAsync);
    }

    internal void Attach(EndpointId id, int ifindex)
    {
        Interlocked.Increment(ref _arrivals);
        lock (_lock)
        {
            if (_attached.TryGetValue(id, out var present) && present == ifindex)
                return;
            var isSettled = _attacher.AttachQuickly(_loaded.Program(FromContainer), ifindex, TcDirection.Ingress, _paths.EndpointLink(id, FromContainer));
            isSettled &= _attacher.AttachQuickly(_loaded.Program(ToContainer), ifindex, TcDirection.Egress, _paths.EndpointLink(id, ToContainer));
            _attached[id] = ifindex;
            if (!isSettled)
                _unsettled.Writer.TryWrite(id);
        }
    }

    /// <summary>Lets go of the pins; the programs end with the device or with them.</summary>
    internal void Remove(EndpointId id)
    {
        lock (_lock)
        {
            _attached.Remove(id);
            PinPaths.RemoveFolder(_paths.Endpoint(id));
        }
    }

    /// <summary>Ends the loop; what is attached stays.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _loop.GetAwaiter().GetResult();
        _stop.Dispose();
    }

    private async Task SettleAsync()
    {
        try
        {
            while (await _unsettled.Reader.WaitToReadAsync(_stop.Token).ConfigureAwait(false))
            {
                int seen;
                do
                {
                    seen = Volatile.Read(ref _arrivals);
                    await Task.Delay(s_quiet, _time, _stop.Token).ConfigureAwait(false);
                }
                while (seen != Volatile.Read(ref _arrivals));

                // A pod that comes meanwhile goes first.
                while (seen == Volatile.Read(ref _arrivals) && _unsettled.Reader.TryRead(out var id))
                    Settle(id);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // What is not settled keeps its filters; the next agent settles it.
            return;
        }
    }

    private void Settle(EndpointId id)
    {
        // The lock keeps a departing endpoint from leaving its folder behind a link that is just being pinned.
        lock (_lock)
        {
            if (!_attached.TryGetValue(id, out var ifindex))
                return;
            try
            {
                _attacher.Settle(
                    ifindex,
                    (_loaded.Program(FromContainer), TcDirection.Ingress, _paths.EndpointLink(id, FromContainer)),
                    (_loaded.Program(ToContainer), TcDirection.Egress, _paths.EndpointLink(id, ToContainer)));
            }
            catch (KernelException refusal)
            {
                // The device may just have gone; filters stay where it has not.
                LogNotSettled(_logger, id, refusal.Message);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Endpoint {Endpoint} keeps its filters, no links: {Reason}")]
    private static partial void LogNotSettled(ILogger logger, EndpointId endpoint, string reason);
}
