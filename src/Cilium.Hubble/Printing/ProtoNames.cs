using Google.Protobuf.Reflection;

namespace Cilium.Hubble.Printing;

/// <summary>Names of enum values as the protocol writes them (<c>POLICY_DENIED</c>), from the descriptors and hence never out of step.</summary>
public static class ProtoNames
{
    private static readonly EnumDescriptor Verdicts = Enum("Verdict");
    private static readonly EnumDescriptor DropReasonValues = Enum("DropReason");
    private static readonly EnumDescriptor Directions = Enum("TrafficDirection");
    private static readonly EnumDescriptor AuthTypes = Enum("AuthType");
    private static readonly EnumDescriptor CapturePoints = Enum("DebugCapturePoint");
    private static readonly EnumDescriptor LossSources = Enum("LostEventSource");

    /// <summary>The verdicts' names.</summary>
    public static IEnumerable<string> VerdictNames => Verdicts.Values.Select(value => value.Name);

    /// <summary>The name of a verdict.</summary>
    public static string Of(Proto.Verdict value) => Name(Verdicts, (int)value);

    /// <summary>The name of a drop reason.</summary>
    public static string Of(Proto.DropReason value) => Name(DropReasonValues, (int)value);

    /// <summary>The name of a direction.</summary>
    public static string Of(Proto.TrafficDirection value) => Name(Directions, (int)value);

    /// <summary>The name of a kind of authentication.</summary>
    public static string Of(Proto.AuthType value) => Name(AuthTypes, (int)value);

    /// <summary>The name of a capture point.</summary>
    public static string Of(Proto.DebugCapturePoint value) => Name(CapturePoints, (int)value);

    /// <summary>The name of the place where events were lost.</summary>
    public static string Of(Proto.LostEventSource value) => Name(LossSources, (int)value);

    /// <summary>Finds a verdict by its name in any case.</summary>
    public static bool TryParse(string name, out Proto.Verdict value)
    {
        var found = TryFind(Verdicts, name, out var number);
        value = (Proto.Verdict)number;
        return found;
    }

    /// <summary>Finds a drop reason by its name in any case.</summary>
    public static bool TryParse(string name, out Proto.DropReason value)
    {
        var found = TryFind(DropReasonValues, name, out var number);
        value = (Proto.DropReason)number;
        return found;
    }

    private static EnumDescriptor Enum(string name) => Proto.FlowReflection.Descriptor.FindTypeByName<EnumDescriptor>(name);

    private static string Name(EnumDescriptor type, int value) =>
        type.FindValueByNumber(value)?.Name ?? value.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static bool TryFind(EnumDescriptor type, string name, out int number)
    {
        var found = type.FindValueByName(name?.ToUpperInvariant() ?? "");
        number = found?.Number ?? 0;
        return found is not null;
    }
}
