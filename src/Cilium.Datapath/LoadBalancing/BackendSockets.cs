using System.Threading.Channels;
using Cilium.Bpf;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;
using Cilium.Netlink;
using Microsoft.Extensions.Logging;
using EndpointRow = Cilium.Datapath.Endpoints.EndpointRow;

namespace Cilium.Datapath.LoadBalancing;

/// <summary>
/// Ends the UDP sockets of this node's processes that a service connected to a backend which is gone. Of a TCP peer that is gone the peer's end
/// or a reset tells; a connected UDP socket would go on for ever speaking to nobody, or to whoever gets the address next.
/// </summary>
/// <remarks>As upstream, of kernel sockets found by sock_diag(7): the process gets ECONNABORTED and connects anew, to another backend.</remarks>
/// <param name="endpoints">The pods.</param>
/// <param name="open">Opens a pod's namespace by its path, or the node's of null.</param>
/// <param name="logger">Where to log.</param>
internal sealed partial class BackendSockets(Table<EndpointId, EndpointRow> endpoints, Func<string?, IUdpSockets> open, ILogger logger) : IDisposable
{
    private const int NoSuchEntry = 2;
    private const int NotSupported = 95;
    private readonly Channel<IReadOnlyList<L4Address>> _gone =
        Channel.CreateUnbounded<IReadOnlyList<L4Address>>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;

    /// <summary>Ends sockets of backends, soon; what is told before <see cref="Start"/>, or before the pods are known, waits for it.</summary>
    internal void CloseUdp(IReadOnlyList<L4Address> gone)
    {
        L4Address[] ofUdp = [.. gone.Where(backend => backend.Protocol == L4Protocol.Udp)];
        if (ofUdp.Length > 0)
            _gone.Writer.TryWrite(ofUdp);
    }

    /// <summary>Begins.</summary>
    /// <param name="translated">The sockets that were sent to backends.</param>
    internal void Start(BpfMap<SocketRevNatKey, SocketRevNatValue> translated) => _loop = Task.Run(() => LoopAsync(translated));

    /// <summary>Ends the loop and waits for it.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _gone.Writer.TryComplete();
        _loop.GetAwaiter().GetResult();
        _stop.Dispose();
    }

    private async Task LoopAsync(BpfMap<SocketRevNatKey, SocketRevNatValue> translated)
    {
        // Backends that went while no agent ran are told at once, pods only when their policies are known.
        try
        {
            await endpoints.WaitInitializedAsync(_stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The agent ends before it knows where to look.
            return;
        }
        while (await _gone.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            var backends = new HashSet<(Addr128, NetPort)>();
            while (_gone.Reader.TryRead(out var some))
                backends.UnionWith(some.Select(backend => (backend.Address.ToMap(), NetPort.From(backend.Port))));
            try
            {
                if (Close(translated.ToDictionary().Keys.Where(key => backends.Contains((key.Address, key.Port))).ToHashSet()) is { } lacks)
                {
                    // It will not learn it: nobody need be told again.
                    LogUnable(logger, lacks);
                    _gone.Writer.TryComplete();
                    return;
                }
            }
            catch (KernelException failure)
            {
                LogNotRead(logger, failure.Message);
            }
        }
    }

    // Returns what the kernel lacks for it, or null.
    private string? Close(HashSet<SocketRevNatKey> wanted)
    {
        if (wanted.Count == 0)
            return null;
        var lacks = Close(wanted, null);
        foreach (var endpoint in endpoints.Snapshot().Values)
        {
            if (wanted.Count == 0 || lacks is not null)
                break;
            if (endpoint.NetnsPath.Length > 0)
                lacks = Close(wanted, endpoint.NetnsPath);
        }
        return lacks;
    }

    // What is found leaves the set: a socket is in one namespace.
    private string? Close(HashSet<SocketRevNatKey> wanted, string? pod)
    {
        var place = pod ?? "the node";
        using var sockets = OpenOrNull(pod, place);
        if (sockets is null)
            return null;
        try
        {
            foreach (var socket in sockets.Connected())
            {
                var key = new SocketRevNatKey(
                    socket.Cookie, IpAddr.FromIPAddress(socket.Remote.Address).ToMap(), NetPort.From((ushort)socket.Remote.Port), 0, 0);
                if (wanted.Remove(key) && sockets.Destroy(socket))
                    LogClosed(logger, place, socket.Local.ToString(), socket.Remote.ToString());
            }
        }
        catch (NetlinkException failure) when (pod is null && failure.Errno == NoSuchEntry)
        {
            return $"CONFIG_INET_UDP_DIAG ({failure.Message})";
        }
        catch (NetlinkException failure) when (failure.Errno == NotSupported)
        {
            return $"CONFIG_INET_DIAG_DESTROY ({failure.Message})";
        }
        catch (NetlinkException failure)
        {
            LogFailed(logger, place, failure.Message);
        }
        return null;
    }

    private IUdpSockets? OpenOrNull(string? pod, string place)
    {
        try
        {
            return open(pod);
        }
        catch (NetlinkException failure) when (pod is not null && failure.IsNotFound)
        {
            // The pod has ended, and its sockets with it; or its namespace cannot be seen from here.
            LogNamespaceAbsent(logger, place, failure.Message);
        }
        catch (NetlinkException failure)
        {
            LogFailed(logger, place, failure.Message);
        }
        return null;
    }

    [LoggerMessage(1, LogLevel.Information, "Ended the UDP socket {Local} in {Place}: its service's backend {Remote} is gone")]
    private static partial void LogClosed(ILogger logger, string place, string local, string remote);

    [LoggerMessage(2, LogLevel.Debug, "No sockets looked for in {Place}: {Reason}")]
    private static partial void LogNamespaceAbsent(ILogger logger, string place, string reason);

    [LoggerMessage(3, LogLevel.Warning, "UDP sockets in {Place} keep backends that are gone: {Reason}")]
    private static partial void LogFailed(ILogger logger, string place, string reason);

    [LoggerMessage(4, LogLevel.Warning, "Cannot tell which sockets have backends that are gone, they keep them: {Reason}")]
    private static partial void LogNotRead(ILogger logger, string reason);

    [LoggerMessage(5, LogLevel.Warning, "UDP sockets keep backends that are gone, until the process connects them anew: the kernel lacks {Option}")]
    private static partial void LogUnable(ILogger logger, string option);
}
