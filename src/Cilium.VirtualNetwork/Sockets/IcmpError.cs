using Cilium.Core;

namespace Cilium.VirtualNetwork.Sockets;

/// <summary>An error that somebody on the way told a socket about its packet.</summary>
/// <param name="From">Who told it.</param>
/// <param name="Type">The type of the ICMP message of the address's family.</param>
/// <param name="Code">Its code.</param>
public readonly record struct IcmpError(IpAddr From, byte Type, byte Code);
