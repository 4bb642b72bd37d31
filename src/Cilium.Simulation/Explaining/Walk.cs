namespace Cilium.Simulation.Explaining;

/// <summary>The way of a packet, and what became of it.</summary>
public sealed record Walk
{
    /// <summary>Who asked: <c>namespace/pod</c>.</summary>
    public required string From { get; init; }

    /// <summary>Whom it was for, as it was asked.</summary>
    public required string To { get; init; }

    /// <summary>The destination port; 0 for ICMP.</summary>
    public required int Port { get; init; }

    /// <summary><c>tcp</c>, <c>udp</c>, <c>sctp</c> or <c>icmp</c>.</summary>
    public required string Protocol { get; init; }

    /// <summary>What became of it.</summary>
    public required Outcome Outcome { get; init; }

    /// <summary>Where it arrived, or where it was dropped.</summary>
    public required string Where { get; init; }

    /// <summary>Why it was dropped or refused; empty when it arrived.</summary>
    public string Reason { get; init; } = "";

    /// <summary>The number of the drop reason; 0 when no program dropped it.</summary>
    public int DropReason { get; init; }

    /// <summary>File, line and text of the C source that dropped it; empty when no program did.</summary>
    public string SourceLine { get; init; } = "";

    /// <summary>The packet as it arrived or left what is simulated, or the ICMP error that came back; null when none did, or when only the outcome was asked for.</summary>
    public LeavingPacket? Packet { get; init; }

    /// <summary>The steps, in their order.</summary>
    public required IReadOnlyList<WalkStep> Steps { get; init; }

    /// <summary>What policies decided, in the order of asking. Empty where none is enforced.</summary>
    public required IReadOnlyList<PolicyDecision> Decisions { get; init; }
}

/// <summary>What became of a packet.</summary>
public enum Outcome
{
    /// <summary>It arrived.</summary>
    Delivered,
    /// <summary>A program or the network dropped it.</summary>
    Dropped,
    /// <summary>The socket call was refused, or an error was sent back.</summary>
    Refused,
}

/// <summary>A step of a packet.</summary>
/// <param name="Where">Node or namespace, and device.</param>
/// <param name="What">What happened: a program with its verdict, or a step of the network.</param>
/// <param name="Lookups">What the program asked and found.</param>
public sealed record WalkStep(string Where, string What, IReadOnlyList<string> Lookups);

/// <summary>A policy's decision.</summary>
/// <param name="Endpoint">Whose policy.</param>
/// <param name="Direction"><c>ingress</c> or <c>egress</c>, from the endpoint's point of view.</param>
/// <param name="Peer">Who was on the other side: the labels of its identity.</param>
/// <param name="Verdict"><c>allowed</c>, <c>denied</c> (by an entry), or <c>denied by default</c>.</param>
/// <param name="Entry">The entry that decided; empty when there was none.</param>
/// <param name="Rules">Where the entry came from; for a default deny, the rules that switched it on.</param>
public sealed record PolicyDecision(string Endpoint, string Direction, string Peer, string Verdict, string Entry, IReadOnlyList<string> Rules)
{
    /// <summary>What to ask whoever knows the rules, when <see cref="Rules"/> could not be told; null for a connection that was known already.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public PolicyDecisionSource? Asked { get; init; }
}

/// <summary>The entry that decided.</summary>
/// <param name="Endpoint">Whose policy.</param>
/// <param name="Direction">The direction, from its point of view.</param>
/// <param name="Key">The entry's key; null when none decided, and the default denied.</param>
public sealed record PolicyDecisionSource(Core.EndpointId Endpoint, Core.TrafficDirection Direction, Core.PolicyKey? Key);
