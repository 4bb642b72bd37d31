using Cilium.Datapath.Events;

namespace Cilium.Hubble.Monitor;

/// <summary>A message of the monitor socket.</summary>
/// <param name="Event">The event; default in a report of losses.</param>
/// <param name="Packet">The first bytes of its packet.</param>
/// <param name="Lost">How many events were lost; 0 for an event.</param>
public readonly record struct MonitorMessage(DatapathEvent Event, ReadOnlyMemory<byte> Packet, ulong Lost);
