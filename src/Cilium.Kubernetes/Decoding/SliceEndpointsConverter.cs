using System.Text.Json;
using Cilium.Core;

namespace Cilium.Kubernetes.Decoding;

/// <summary>The endpoints of a slice.</summary>
internal sealed class SliceEndpointsConverter : RowListConverter<SliceEndpoint>
{
    protected override bool TryRead(ref Utf8JsonReader reader, out SliceEndpoint row)
    {
        EquatableArray<IpAddr> addresses = [];
        EquatableArray<string> hints = [];
        (bool? Ready, bool? Serving, bool? Terminating) conditions = default;
        string node = "", zone = "", pod = "";
        if (!MemberReader.IsObject(ref reader))
        {
            throw MemberReader.Wrong(reader.TokenType, "an endpoint");
        }

        while (MemberReader.Next(ref reader))
        {
            if (reader.ValueTextEquals("addresses"u8))
            {
                reader.Read();
                addresses = AddressesConverter.Read(ref reader);
            }
            else if (reader.ValueTextEquals("conditions"u8))
            {
                conditions = Conditions(ref reader);
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
                pod = Pod(ref reader);
            }
            else if (reader.ValueTextEquals("hints"u8))
            {
                hints = Hints(ref reader);
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
        reader.Read();
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
        reader.Read();
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
        var zones = new List<string>();
        reader.Read();
        if (!MemberReader.IsObject(ref reader))
        {
            return [];
        }

        while (MemberReader.Next(ref reader))
        {
            if (!reader.ValueTextEquals("forZones"u8))
            {
                MemberReader.Skip(ref reader);
                continue;
            }

            reader.Read();
            zones.Clear();
            if (!MemberReader.IsArray(ref reader))
            {
                continue;
            }

            while (MemberReader.NextElement(ref reader))
            {
                if (ZoneName(ref reader) is { } name)
                {
                    zones.Add(name);
                }
            }
        }

        return [.. zones];
    }

    private static string? ZoneName(ref Utf8JsonReader reader)
    {
        string? name = null;
        if (!MemberReader.IsObject(ref reader))
        {
            throw MemberReader.Wrong(reader.TokenType, "a zone");
        }

        while (MemberReader.Next(ref reader))
        {
            if (!reader.ValueTextEquals("name"u8))
            {
                MemberReader.Skip(ref reader);
                continue;
            }

            reader.Read();
            name = reader.TokenType switch
            {
                JsonTokenType.String => RepeatedTexts.Read(ref reader),
                JsonTokenType.Null => null,
                var other => throw MemberReader.Wrong(other, "a string"),
            };
        }

        return name;
    }
}
