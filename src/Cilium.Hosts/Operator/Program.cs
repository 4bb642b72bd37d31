Console.Error.WriteLine("cilium-operator: not assembled yet");
return 1;
