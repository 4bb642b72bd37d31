namespace Cilium.Bpf.InProcess;

/// <summary>
/// Sockets of one network namespace, found as the kernel finds them: with both ends before those that listen, at an address before any, on a device
/// before all; but the first that shares its port is taken before better ones are looked for. Of a group that shares a port for balance it is the
/// first, where the kernel goes by a hash of its own. Not safe for changes while others look up. Source: Linux 6.18 net/ipv4/inet_hashtables.c,
/// net/ipv6/inet6_hashtables.c, net/ipv4/udp.c, net/ipv6/udp.c.
/// </summary>
public sealed class BpfSocketTable : IBpfSockets
{
    private const byte Tcp = 6;
    private const uint Internet6 = 10;
    private static readonly UInt128 s_mapped = (UInt128)0xFFFF << 32;

    private readonly Dictionary<Ends, BpfSocket> _connected = [];
    private readonly Dictionary<(byte Protocol, ushort Port), List<BpfSocket>> _others = [];
    private readonly Dictionary<(byte Protocol, ushort Port), int> _ports = [];

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a socket.</summary>
    /// <returns>False when another one of TCP has the same ends on the same device.</returns>
    public bool TryAdd(BpfSocket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        var key = (socket.Protocol, socket.LocalPort);
        if (IsConnection(socket))
        {
            if (!_connected.TryAdd(EndsOf(socket), socket))
                return false;
        }
        else
        {
            if (!_others.TryGetValue(key, out var sockets))
                _others[key] = sockets = [];
            sockets.Insert(socket is { SharesPort: true, Family: Internet6 } ? sockets.Count : 0, socket);
        }
        _ports[key] = _ports.GetValueOrDefault(key) + 1;
        Count++;
        return true;
    }

    /// <summary>Removes a socket; false when it was not there.</summary>
    public bool Remove(BpfSocket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        var key = (socket.Protocol, socket.LocalPort);
        if (IsConnection(socket))
        {
            var ends = EndsOf(socket);
            if (_connected.GetValueOrDefault(ends) != socket)
                return false;
            _connected.Remove(ends);
        }
        else if (!_others.TryGetValue(key, out var sockets) || !sockets.Remove(socket))
            return false;
        else if (sockets.Count == 0)
            _others.Remove(key);
        if (--_ports[key] == 0)
            _ports.Remove(key);
        Count--;
        return true;
    }

    /// <summary>Whether a socket has a port, at whatever address.</summary>
    public bool IsTaken(byte protocol, ushort port) => _ports.ContainsKey((protocol, port));

    /// <summary>Sockets on a port that are no connections of TCP, in the order of the search.</summary>
    public IReadOnlyList<BpfSocket> Unconnected(byte protocol, ushort port) => _others.TryGetValue((protocol, port), out var sockets) ? sockets : [];

    /// <inheritdoc/>
    public BpfSocket? Find(in BpfSocketQuery query)
    {
        if (query.NamespaceId >= 0)
            return null;
        if (query.Protocol == Tcp && FindConnection(query) is { } connection)
            return connection;
        return BestAt(query, query.LocalAddress) ?? BestAt(query, query.IsIPv6 ? 0 : s_mapped);
    }

    private BpfSocket? FindConnection(in BpfSocketQuery query)
    {
        // What is of IPv4 is not found by addresses that IPv6 writes for them.
        if (query.IsIPv6 && IsMapped(query.RemoteAddress))
            return null;
        var ends = new Ends(query.LocalAddress, query.RemoteAddress, query.LocalPort, query.RemotePort, 0);
        if (_connected.TryGetValue(ends, out var socket))
            return socket;
        return query.Ifindex != 0 && _connected.TryGetValue(ends with { Ifindex = query.Ifindex }, out socket) ? socket : null;
    }

    private BpfSocket? BestAt(in BpfSocketQuery query, UInt128 address)
    {
        if (!_others.TryGetValue((query.Protocol, query.LocalPort), out var sockets))
            return null;
        BpfSocket? best = null;
        var highest = -1;
        foreach (var socket in sockets)
        {
            if (!IsAt(socket, address, query.IsIPv6) || (socket.BoundIfindex != 0 && socket.BoundIfindex != query.Ifindex))
                continue;
            var score = query.Protocol == Tcp ? ScoreOfListener(socket, query.IsIPv6) : ScoreOfDatagrams(socket, query);
            if (score <= highest)
                continue;
            if (socket.SharesPort && socket.State != BpfSocketState.Established)
                return socket;
            (best, highest) = (socket, score);
        }
        return best;
    }

    private static int ScoreOfListener(BpfSocket socket, bool isIPv6) =>
        socket.State != BpfSocketState.Listen ? -1 : (socket.BoundIfindex != 0 ? 2 : 1) + (!isIPv6 && socket.Family != Internet6 ? 1 : 0);

    private static int ScoreOfDatagrams(BpfSocket socket, in BpfSocketQuery query)
    {
        var weight = query.IsIPv6 ? 1 : 4;
        var score = query.IsIPv6 ? 0 : socket.Family == Internet6 ? 1 : 2;
        if (socket.RemotePort != 0)
        {
            if (socket.RemotePort != query.RemotePort)
                return -1;
            score += weight;
        }
        if (socket.RemoteAddress != 0)
        {
            if (socket.RemoteAddress != query.RemoteAddress)
                return -1;
            score += weight;
        }
        return socket.BoundIfindex != 0 ? score + weight : score;
    }

    /// <summary>Whether a socket is bound to exactly this address, any being one.</summary>
    private static bool IsAt(BpfSocket socket, UInt128 address, bool isIPv6)
    {
        var own = socket.LocalAddress;
        if (isIPv6)
            return socket.Family == Internet6 && own == address;
        return !socket.IsIPv6Only && (own == 0 ? s_mapped : own) == address;
    }

    private static bool IsConnection(BpfSocket socket) => socket.Protocol == Tcp && socket.RemotePort != 0;

    private static Ends EndsOf(BpfSocket socket) => new(socket.LocalAddress, socket.RemoteAddress, socket.LocalPort, socket.RemotePort, socket.BoundIfindex);

    private static bool IsMapped(UInt128 address) => address >> 32 == 0xFFFF;

    private readonly record struct Ends(UInt128 Local, UInt128 Remote, ushort LocalPort, ushort RemotePort, uint Ifindex);
}
