namespace Cilium.Netlink.Messages;

/// <summary>Numbers of linux/netlink.h and linux/rtnetlink.h.</summary>
internal static class Nl
{
    internal const int RouteProtocol = 0;
    internal const int SocketDiagnosisProtocol = 4;
    internal const int HeaderBytes = 16;
    internal const ushort Error = 2;
    internal const ushort Done = 3;

    internal const ushort Request = 1;
    internal const ushort Ack = 4;
    internal const ushort DumpInterrupted = 0x10;
    internal const ushort Dump = 0x300;
    internal const ushort Replace = 0x100;
    internal const ushort Exclusive = 0x200;
    internal const ushort Create = 0x400;
    internal const ushort Append = 0x800;
    internal const ushort Capped = 0x100;
    internal const ushort AckAttributes = 0x200;

    internal const int AddMembership = 1;
    internal const int CapAck = 10;
    internal const int ExtendedAck = 11;
    internal const int StrictCheck = 12;
    internal const ushort AckMessage = 1;

    internal const ushort NestedFlag = 0x8000;
    internal const ushort TypeMask = 0x3fff;
}

/// <summary>Message types of rtnetlink.</summary>
internal static class Rtm
{
    internal const ushort NewLink = 16;
    internal const ushort DeleteLink = 17;
    internal const ushort GetLink = 18;
    internal const ushort NewAddress = 20;
    internal const ushort DeleteAddress = 21;
    internal const ushort GetAddress = 22;
    internal const ushort NewRoute = 24;
    internal const ushort DeleteRoute = 25;
    internal const ushort GetRoute = 26;
    internal const ushort NewNeighbour = 28;
    internal const ushort DeleteNeighbour = 29;
    internal const ushort GetNeighbour = 30;
    internal const ushort NewRule = 32;
    internal const ushort DeleteRule = 33;
    internal const ushort GetRule = 34;
}

/// <summary>Message types of sock_diag, numbers of linux/sock_diag.h.</summary>
internal static class SockDiag
{
    internal const ushort ByFamily = 20;
    internal const ushort Destroy = 21;
}

/// <summary>Link attributes (IFLA).</summary>
internal static class Ifla
{
    internal const ushort Address = 1;
    internal const ushort Name = 3;
    internal const ushort Mtu = 4;
    internal const ushort Link = 5;
    internal const ushort Master = 10;
    internal const ushort OperationalState = 16;
    internal const ushort LinkInfo = 18;
    internal const ushort NamespacePid = 19;
    internal const ushort Group = 27;
    internal const ushort NamespaceFd = 28;
    internal const ushort ExtendedMask = 29;
    internal const ushort TxQueues = 31;
    internal const ushort RxQueues = 32;
    internal const ushort LinkNamespaceId = 37;
    internal const ushort GsoMaxSegments = 40;
    internal const ushort GsoMaxSize = 41;
    internal const ushort GroMaxSize = 58;
    internal const ushort GsoIpv4MaxSize = 63;
    internal const ushort GroIpv4MaxSize = 64;

    internal const ushort Kind = 1;
    internal const ushort KindAttributes = 2;
    internal const ushort VethPeer = 1;
    internal const ushort VxlanLearning = 7;
    internal const ushort VxlanPort = 15;
    internal const ushort VxlanZeroChecksum6Tx = 19;
    internal const ushort VxlanZeroChecksum6Rx = 20;
    internal const ushort VxlanCollectMetadata = 25;
    internal const uint Up = 1;
    internal const uint NoArp = 0x80;
    internal const uint LowerUp = 0x10000;
    internal const uint NoStatistics = 1 << 3;
}

/// <summary>Attributes of addresses, routes, rules and neighbours.</summary>
internal static class Attr
{
    internal const ushort AddressPeer = 1;
    internal const ushort AddressLocal = 2;
    internal const ushort AddressFlags = 8;

    internal const ushort RouteDestination = 1;
    internal const ushort RouteOutput = 4;
    internal const ushort RouteGateway = 5;
    internal const ushort RoutePriority = 6;
    internal const ushort RouteSource = 7;
    internal const ushort RouteMetrics = 8;
    internal const ushort RouteMultipath = 9;
    internal const ushort RouteTable = 15;
    internal const ushort MetricMtu = 2;

    internal const ushort RuleDestination = 1;
    internal const ushort RuleSource = 2;
    internal const ushort RulePriority = 6;
    internal const ushort RuleMark = 10;
    internal const ushort RuleTable = 15;
    internal const ushort RuleMask = 16;
    internal const ushort RuleProtocol = 21;

    internal const ushort NeighbourAddress = 1;
    internal const ushort NeighbourMac = 2;
}
