using Cilium.Core;

namespace Cilium.Policy;

/// <summary>The part of a policy key below direction and identity.</summary>
internal readonly record struct PortKey(L4Protocol Protocol, ushort Port, byte PrefixLength) : IComparable<PortKey>
{
    public static PortKey Everything => default;

    public int CompareTo(PortKey other)
    {
        var order = ((byte)Protocol).CompareTo((byte)other.Protocol);
        order = order != 0 ? order : Port.CompareTo(other.Port);
        return order != 0 ? order : PrefixLength.CompareTo(other.PrefixLength);
    }

    public PolicyKey With(TrafficDirection direction, Identity identity) => new(direction, identity, Protocol, Port, PrefixLength);

    /// <summary>Adds the fewest power-of-two blocks of ports that make up a range.</summary>
    public static void AddRange(List<PortKey> keys, L4Protocol protocol, ushort first, ushort last)
    {
        if (protocol == L4Protocol.Any)
        {
            keys.Add(Everything);
            return;
        }

        for (uint start = first; start <= last;)
        {
            var bits = start == 0 ? 16 : Math.Min(16, System.Numerics.BitOperations.TrailingZeroCount(start));
            while (start + (1u << bits) - 1 > last)
            {
                bits--;
            }

            keys.Add(new PortKey(protocol, (ushort)start, (byte)(16 - bits)));
            start += 1u << bits;
        }
    }

    /// <summary>True when one of the keys covers this one or equals it.</summary>
    public bool IsCoveredBy(HashSet<PortKey> keys)
    {
        if (keys.Count == 0)
        {
            return false;
        }

        if (keys.Contains(Everything))
        {
            return true;
        }

        if (Protocol == L4Protocol.Any)
        {
            return false;
        }

        for (int length = PrefixLength; length >= 0; length--)
        {
            var port = length == 0 ? (ushort)0 : (ushort)(Port >> (16 - length) << (16 - length));
            if (keys.Contains(new PortKey(Protocol, port, (byte)length)))
            {
                return true;
            }
        }

        return false;
    }
}
