using System.Text.Json;
using Cilium.Core;

namespace Cilium.Kubernetes.Decoding;

/// <summary>The endpoints of a slice.</summary>
internal sealed class SliceEndpointsConverter : RowListConverter<SliceEndpoint>
{
    private static readonly ZonesConverter s_zones = new();

    protected override bool TryRead(ref Utf8JsonReader reader, out SliceEndpoint row)
    {
        EquatableArray<IpAddr> addresses = [];
        EquatableArray<string> hints = [];
        (bool? Ready, bool? Serving, bool? Terminating) conditions = default;
        string node = "", zone = "", pod = "";
        if (!MemberReader.IsObject(ref reader))
        {
            throw new MemberException("an endpoint", reader.TokenType);
        }

        while (MemberReader.Next(ref reader))
        {
            if (reader.ValueTextEquals("addresses"u8))
            {
                addresses = MemberReader.Value(ref reader, AddressesConverter.Read);
            }
            else if (reader.ValueTextEquals("conditions"u8))
            {
                conditions = MemberReader.Value(ref reader, Conditions);
            }
            else if (reader.ValueTextEquals("nodeName"u8))
            {
                node = MemberReader.Text(ref reader);
            }
            else if (reader.ValueTextEquals("zone"u8))
            {
                zone = MemberReader.Text(ref reader);
            }
            else if (reader.ValueTextEquals("targetRef"u8))
            {
                pod = MemberReader.Value(ref reader, Pod);
            }
            else if (reader.ValueTextEquals("hints"u8))
            {
                hints = MemberReader.Value(ref reader, Hints);
            }
            else
            {
                MemberReader.Skip(ref reader);
            }
        }

        var ready = conditions.Ready ?? true;
        row = new SliceEndpoint
        {
            Addresses = addresses,
            IsReady = ready,
            IsServing = conditions.Serving ?? ready,
            IsTerminating = conditions.Terminating ?? false,
            NodeName = node,
            Zone = zone,
            PodName = pod,
            HintZones = hints,
        };
        return true;
    }

    private static (bool? Ready, bool? Serving, bool? Terminating) Conditions(ref Utf8JsonReader reader)
    {
        bool? ready = null, serving = null, terminating = null;
        if (!MemberReader.IsObject(ref reader))
        {
            return default;
        }

        while (MemberReader.Next(ref reader))
        {
            if (reader.ValueTextEquals("ready"u8))
            {
                ready = MemberReader.Flag(ref reader);
            }
            else if (reader.ValueTextEquals("serving"u8))
            {
                serving = MemberReader.Flag(ref reader);
            }
            else if (reader.ValueTextEquals("terminating"u8))
            {
                terminating = MemberReader.Flag(ref reader);
            }
            else
            {
                MemberReader.Skip(ref reader);
            }
        }

        return (ready, serving, terminating);
    }

    /// <summary>The name of the pod that is referred to; empty for anything else.</summary>
    private static string Pod(ref Utf8JsonReader reader)
    {
        string kind = "", name = "";
        if (!MemberReader.IsObject(ref reader))
        {
            return "";
        }

        while (MemberReader.Next(ref reader))
        {
            if (reader.ValueTextEquals("kind"u8))
            {
                kind = MemberReader.Text(ref reader);
            }
            else if (reader.ValueTextEquals("name"u8))
            {
                name = MemberReader.OwnText(ref reader);
            }
            else
            {
                MemberReader.Skip(ref reader);
            }
        }

        return kind == "Pod" ? name : "";
    }

    /// <summary>The zones that should prefer it.</summary>
    private static EquatableArray<string> Hints(ref Utf8JsonReader reader)
    {
        EquatableArray<string> zones = [];
        if (!MemberReader.IsObject(ref reader))
        {
            return zones;
        }

        while (MemberReader.Next(ref reader))
        {
            if (reader.ValueTextEquals("forZones"u8))
            {
                zones = MemberReader.Value(ref reader, s_zones.Read);
            }
            else
            {
                MemberReader.Skip(ref reader);
            }
        }

        return zones;
    }

    /// <summary>Zones as hints have them: objects with a name.</summary>
    private sealed class ZonesConverter : RowListConverter<string>
    {
        protected override bool TryRead(ref Utf8JsonReader reader, out string row)
        {
            row = "";
            if (!MemberReader.IsObject(ref reader))
            {
                return false;
            }

            while (MemberReader.Next(ref reader))
            {
                if (reader.ValueTextEquals("name"u8))
                {
                    row = MemberReader.Text(ref reader);
                }
                else
                {
                    MemberReader.Skip(ref reader);
                }
            }

            return row.Length > 0;
        }
    }
}
