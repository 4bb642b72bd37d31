using Cilium.Bpf.InProcess;

namespace Cilium.VirtualNetwork;

/// <summary>How a fabric behaves.</summary>
public sealed class FabricOptions
{
    /// <summary>The clock of the nodes' engines.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The random source of the nodes' engines and sockets: with a seeded one, everything happens the same way again.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>How the nodes' engines execute programs.</summary>
    public ExecutionForm Form { get; init; } = ExecutionForm.Automatic;

    /// <summary>Code that the nodes' engines have in common.</summary>
    public SharedCode Code { get; init; } = new();

    /// <summary>Devices that a frame may visit before it is taken for one in a loop.</summary>
    public int MaximumVisits { get; init; } = 64;

    /// <summary>
    /// Whether every answer comes from within: then whoever has not answered when nothing moves any more never will, and frames that wait for an
    /// Ethernet address end. Otherwise they wait until <see cref="Fabric.GiveUpWaiting"/>.
    /// </summary>
    public bool IsClosed { get; init; } = true;
}
