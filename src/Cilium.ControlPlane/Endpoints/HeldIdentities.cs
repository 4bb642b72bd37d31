using Cilium.Core;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Identities that running endpoints are about to change to: other nodes are given time to learn them before packets have them.</summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class HeldIdentities
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(1);
    private readonly Dictionary<EndpointId, HeldIdentity> _held = [];

    /// <summary>How long until the first of them is due, at least a moment; null when there is none.</summary>
    public TimeSpan? UntilNext(TimeProvider time)
    {
        if (_held.Count == 0)
        {
            return null;
        }

        var left = _held.Values.Min(held => held.Left(time));
        return left > s_shortest ? left : s_shortest;
    }

    /// <summary>Holds an identity back, in the place of one before.</summary>
    public void Hold(HeldIdentity held) => _held[held.Endpoint] = held;

    /// <summary>Lets go of what an endpoint was to become.</summary>
    public bool Drop(EndpointId id, out HeldIdentity held) => _held.Remove(id, out held);

    /// <summary>The endpoints that are to have one of some identities.</summary>
    public IReadOnlyList<EndpointId> WaitingFor(IReadOnlySet<Identity> identities) =>
        [.. _held.Values.Where(held => identities.Contains(held.Identity)).Select(held => held.Endpoint)];

    /// <summary>Removes those that are due.</summary>
    public IReadOnlyList<HeldIdentity> TakeDue(TimeProvider time)
    {
        HeldIdentity[] due = [.. _held.Values.Where(held => held.Left(time) <= TimeSpan.Zero)];
        foreach (var held in due)
        {
            _held.Remove(held.Endpoint);
        }

        return due;
    }
}

/// <summary>What an endpoint is to become, and after how long from a time stamp on: no change of the clock moves it.</summary>
internal readonly record struct HeldIdentity(EndpointId Endpoint, LabelSet Labels, Identity Identity, TimeSpan GracePeriod, long Since)
{
    /// <summary>What is left of the time; not positive when it is over.</summary>
    public TimeSpan Left(TimeProvider time) => GracePeriod - time.GetElapsedTime(Since);
}
