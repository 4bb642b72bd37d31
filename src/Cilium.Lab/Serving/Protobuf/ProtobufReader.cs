using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Serving.Protobuf;

/// <summary>
/// Reads the protobuf form in which kubectl sends built-in objects: the bytes <c>k8s\0</c> and a message that names its kind. The
/// numbers and names of fields are in <c>messages.txt</c>.
/// </summary>
internal static class ProtobufReader
{
    private const int DepthLimit = 40;

    /// <summary>Fields that hold their members in the object around them.</summary>
    private static readonly HashSet<string> Inlined = ["handler", "volumeSource", "localObjectReference", "ephemeralContainerCommon"];

    /// <summary>Numbers and flags that mean nothing when zero; senders write them always.</summary>
    private static readonly HashSet<string> DroppedWhenZero =
    [
        "hostPort", "nodePort", "minReadySeconds", "generation", "observedGeneration", "hostNetwork", "hostPID", "hostIPC", "stdin", "stdinOnce", "tty",
        "paused", "readOnly", "publishNotReadyAddresses", "count", "unschedulable", "healthCheckNodePort", "initialDelaySeconds",
        "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas",
    ];

    public static bool Matches(ReadOnlySpan<byte> body) => body.StartsWith("k8s\0"u8);

    /// <exception cref="ApiException">400: the message is damaged; 415: its kind is unknown here.</exception>
    public static JsonObject Read(ReadOnlySpan<byte> body)
    {
        try
        {
            string apiVersion = "", kind = "";
            ReadOnlySpan<byte> raw = [];
            var unknown = new ProtobufFields(body[4..]);
            while (unknown.Next())
            {
                if (unknown.Number == 2) raw = unknown.Bytes;
                if (unknown.Number != 1) continue;
                var type = new ProtobufFields(unknown.Bytes);
                while (type.Next())
                {
                    if (type.Number == 1) apiVersion = Encoding.UTF8.GetString(type.Bytes);
                    else if (type.Number == 2) kind = Encoding.UTF8.GetString(type.Bytes);
                }
            }

            var message = ProtobufMessages.Shared.FindKind(kind == "DeleteOptions" ? "v1" : apiVersion, kind)
                ?? throw new ApiException(415, "UnsupportedMediaType", $"no protobuf form of {apiVersion} {kind} is known here - accepted media types include: application/json, application/yaml");
            var result = new JsonObject { ["apiVersion"] = apiVersion, ["kind"] = kind };
            Fill(result, message, raw, 0);
            return result;
        }
        catch (InvalidDataException damaged)
        {
            throw ApiException.BadRequest($"couldn't parse the protobuf body: {damaged.Message}");
        }
    }

    private static void Fill(JsonObject target, ProtobufMessage message, ReadOnlySpan<byte> bytes, int depth)
    {
        if (depth > DepthLimit) throw new InvalidDataException("nested too deeply");
        var fields = new ProtobufFields(bytes);
        while (fields.Next())
        {
            if (!message.Fields.TryGetValue(fields.Number, out var field)) continue;
            if (field.IsMap)
            {
                var entry = new ProtobufFields(fields.Bytes);
                var key = "";
                JsonNode? value = null;
                while (entry.Next())
                {
                    if (entry.Number == 1) key = Encoding.UTF8.GetString(entry.Bytes);
                    else if (entry.Number == 2) value = Value(field.Type, entry, depth);
                }

                target.Ensure(field.Name)[key] = value ?? "";
            }
            else if (Inlined.Contains(field.Name) && ProtobufMessages.Shared.Find(field.Type) is { } inner) Fill(target, inner, fields.Bytes, depth + 1);
            else if (field.IsList)
            {
                if (target[field.Name] is not JsonArray items) target[field.Name] = items = [];
                items.Add(Value(field.Type, fields, depth));
            }
            else if (Value(field.Type, fields, depth) is { } single && !IsNothing(field.Name, single)) target[field.Name] = single;
        }
    }

    private static JsonNode? Value(string type, in ProtobufFields field, int depth)
    {
        switch (type)
        {
            case "s":
                return Encoding.UTF8.GetString(field.Bytes);
            case "i":
                return (long)field.Integer;
            case "b":
                return field.Integer != 0;
            case "y":
                return Convert.ToBase64String(field.Bytes);
            case "meta.v1.Time" or "meta.v1.MicroTime":
                return Time(field.Bytes, type == "meta.v1.MicroTime");
            case "util.intstr.IntOrString":
                return IntegerOrText(field.Bytes);
            case "api.resource.Quantity":
                return FirstText(field.Bytes);
            case "meta.v1.FieldsV1" or "runtime.RawExtension":
                return FirstText(field.Bytes) is { Length: > 0 } json ? RequestBody.Parse(Encoding.UTF8.GetBytes(json)) : null;
        }

        var result = new JsonObject();
        if (ProtobufMessages.Shared.Find(type) is { } message) Fill(result, message, field.Bytes, depth + 1);
        return result;
    }

    private static bool IsNothing(string name, JsonNode value)
    {
        if (value.AsText() is "") return true;
        return DroppedWhenZero.Contains(name) && value is JsonValue scalar && (scalar.AsNumber() == 0 || (scalar.TryGetValue(out bool flag) && !flag));
    }

    private static JsonNode? Time(ReadOnlySpan<byte> bytes, bool micro)
    {
        long seconds = 0, nanoseconds = 0;
        var fields = new ProtobufFields(bytes);
        while (fields.Next())
        {
            if (fields.Number == 1) seconds = (long)fields.Integer;
            else if (fields.Number == 2) nanoseconds = (long)fields.Integer;
        }

        if (seconds is <= 0 or > 253402300799) return null;
        var time = DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(Math.Clamp(nanoseconds, 0, 999_999_999) / 100);
        return time.ToString(micro ? "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'" : "yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }

    private static JsonNode IntegerOrText(ReadOnlySpan<byte> bytes)
    {
        long type = 0, number = 0;
        var text = "";
        var fields = new ProtobufFields(bytes);
        while (fields.Next())
        {
            if (fields.Number == 1) type = (long)fields.Integer;
            else if (fields.Number == 2) number = (long)fields.Integer;
            else if (fields.Number == 3) text = Encoding.UTF8.GetString(fields.Bytes);
        }

        return type == 1 ? text : number;
    }

    private static string FirstText(ReadOnlySpan<byte> bytes)
    {
        var fields = new ProtobufFields(bytes);
        while (fields.Next())
        {
            if (fields.Number == 1) return Encoding.UTF8.GetString(fields.Bytes);
        }

        return "";
    }
}
