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
internal sealed partial class BackendSockets(Table<EndpointId, EndpointRow> endpoints, NodeNamespace node, ILogger logger) : IDisposable
{
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
                Close(translated.ToDictionary().Keys.Where(key => backends.Contains((key.Address, key.Port))).ToHashSet());
            }
            catch (KernelException failure)
            {
                LogNotRead(logger, failure.Message);
            }
        }
    }

    private void Close(HashSet<SocketRevNatKey> wanted)
    {
        if (wanted.Count == 0)
            return;
        Close(wanted, node.OpenDiagnosis, "the node");
        foreach (var endpoint in endpoints.Snapshot().Values)
        {
            if (wanted.Count == 0)
                return;
            if (endpoint.NetnsPath.Length > 0)
                Close(wanted, () => Open(endpoint.NetnsPath), endpoint.NetnsPath);
        }
    }

    // What is found leaves the set: a socket is in one namespace.
    private void Close(HashSet<SocketRevNatKey> wanted, Func<SocketDiagnosis> open, string place)
    {
        try
        {
            using var diagnosis = open();
            foreach (var socket in diagnosis.ConnectedUdp())
            {
                var key = new SocketRevNatKey(
                    socket.Cookie, IpAddr.FromIPAddress(socket.Remote.Address).ToMap(), NetPort.From((ushort)socket.Remote.Port), 0, 0);
                if (wanted.Remove(key) && diagnosis.DestroyUdp(socket))
                    LogClosed(logger, place, socket.Local.ToString(), socket.Remote.ToString());
            }
        }
        catch (NetlinkException failure) when (failure.IsNotFound)
        {
            // The pod has ended, and its sockets with it; or its namespace cannot be seen from here.
            LogNamespaceAbsent(logger, place, failure.Message);
        }
        catch (NetlinkException failure)
        {
            LogFailed(logger, place, failure.Message);
        }
    }

    private static SocketDiagnosis Open(string path)
    {
        using var ns = NetworkNamespace.Open(path);
        return SocketDiagnosis.Open(ns);
    }

    [LoggerMessage(1, LogLevel.Information, "Ended the UDP socket {Local} in {Place}: its service's backend {Remote} is gone")]
    private static partial void LogClosed(ILogger logger, string place, string local, string remote);

    [LoggerMessage(2, LogLevel.Debug, "No sockets looked for in {Place}: {Reason}")]
    private static partial void LogNamespaceAbsent(ILogger logger, string place, string reason);

    [LoggerMessage(3, LogLevel.Warning, "UDP sockets in {Place} keep backends that are gone: {Reason}")]
    private static partial void LogFailed(ILogger logger, string place, string reason);

    [LoggerMessage(4, LogLevel.Warning, "Cannot tell which sockets have backends that are gone, they keep them: {Reason}")]
    private static partial void LogNotRead(ILogger logger, string reason);
}
