using Cilium.Hubble.Filters;
using Google.Protobuf.WellKnownTypes;

namespace Cilium.Hubble.Observing;

/// <summary>The fields of flows that a client asked for.</summary>
internal static class FlowMask
{
    /// <summary>The request's mask, or null for all fields.</summary>
    /// <exception cref="FlowFilterException">A path names no field of a flow.</exception>
    public static FieldMask? Check(Proto.GetFlowsRequest request)
    {
#pragma warning disable CS0612 // Older clients send the mask here.
        var mask = request.FieldMask ?? request.Experimental?.FieldMask;
#pragma warning restore CS0612
        if (mask is null || mask.Paths.Count == 0)
        {
            return null;
        }

        foreach (var path in mask.Paths)
        {
            if (!FieldMask.IsValid(Proto.Flow.Descriptor, path))
            {
                throw new FlowFilterException("field_mask", $"a flow has no field '{path}'");
            }
        }

        return mask.Normalize();
    }

    /// <summary>A copy with only those fields.</summary>
    public static Proto.Flow Apply(FieldMask mask, Proto.Flow flow)
    {
        var copy = new Proto.Flow();
        mask.Merge(flow, copy);
        return copy;
    }
}
