using Cilium.Core;

namespace Cilium.Policy.Tests.Compilation;

/// <summary>A packet as policy sees it; <c>PeerAddress</c> is set when the peer is outside the cluster.</summary>
internal sealed record Packet(TrafficDirection Direction, Identity Peer, IpAddr? PeerAddress, L4Protocol Protocol, ushort Port);
